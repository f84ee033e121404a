/// Numbers as monitoring systems read them: OpenMetrics 1.0.0, and the older text format of Prometheus
/// (0.0.4), which is all that promtool and the textfile collector of its node_exporter know. They differ in
/// how a counter's family is called, in units, and in the end.
///
/// Values and pure functions, safe from any thread. Own code, because Debian's prometheus-cpp writes the
/// older format only.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spawnd::daemon {

using Labels = std::vector<std::pair<std::string_view, std::string>>;

struct Sample {
  Labels labels;
  double value = 0;
  std::string_view suffix{};  ///< "_bucket", "_sum", "_count"; of a counter none: "_total" is written for it
};

enum class MetricType { kCounter, kGauge, kHistogram, kSummary };

/// What there is to say of one metric, but for its numbers. All views are literals.
struct Description {
  std::string_view name;  ///< a counter's without "_total"
  std::string_view help;  ///< one sentence, no line's end
  MetricType type = MetricType::kGauge;
  std::string_view unit{};  ///< "seconds", "bytes", "ratio": `name` ends with it; empty: a number of things
};

struct Family {
  Description description;
  std::vector<Sample> samples;
};

enum class Exposition { kText, kOpenMetrics };

/// What the Accept header of a request asks for: OpenMetrics when it names that, else the text format.
Exposition ExpositionFor(std::string_view accept);
/// The Content-Type; a literal.
std::string_view ContentTypeOf(Exposition exposition);
/// All families, each once, and "# EOF": in the older format that is a comment, and says that nothing was cut
/// off.
std::string Expose(const std::vector<Family>& families, Exposition exposition);

}  // namespace spawnd::daemon
