#include "daemon/metrics/exposition.h"

#include <fmt/format.h>

#include <cmath>

namespace spawnd::daemon {
namespace {

std::string_view NameOf(MetricType type) {
  switch (type) {
    case MetricType::kCounter:
      return "counter";
    case MetricType::kHistogram:
      return "histogram";
    case MetricType::kSummary:
      return "summary";
    case MetricType::kGauge:
      break;
  }
  return "gauge";
}

/// A whole number has no exponent, which people read; others the fewest digits that say exactly this.
std::string NumberText(double value) {
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  if (std::isnan(value)) return "NaN";
  if (value == std::floor(value) && std::fabs(value) < 1e15) return fmt::format("{:.0f}", value);
  return fmt::format("{}", value);
}

/// In help only the first two, in a label's value all three (Prometheus, "Exposition formats").
std::string Escaped(std::string_view text, bool quotes) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    if (c == '\\') {
      escaped += "\\\\";
    } else if (c == '\n') {
      escaped += "\\n";
    } else if (c == '"' && quotes) {
      escaped += "\\\"";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string LabelsText(const Labels& labels) {
  if (labels.empty()) return {};
  std::string text = "{";
  for (const auto& [name, value] : labels) {
    if (text.size() > 1) text += ',';
    text += fmt::format("{}=\"{}\"", name, Escaped(value, true));
  }
  return text + "}";
}

}  // namespace

Exposition ExpositionFor(std::string_view accept) {
  return accept.find("application/openmetrics-text") == std::string_view::npos ? Exposition::kText
                                                                               : Exposition::kOpenMetrics;
}

std::string_view ContentTypeOf(Exposition exposition) {
  return exposition == Exposition::kOpenMetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                                : "text/plain; version=0.0.4; charset=utf-8";
}

std::string Expose(const std::vector<Family>& families, Exposition exposition) {
  const bool open_metrics = exposition == Exposition::kOpenMetrics;
  std::string text;
  for (const Family& family : families) {
    const Description& about = family.description;
    const std::string_view total = about.type == MetricType::kCounter ? "_total" : "";
    const std::string name = std::string(about.name) + std::string(open_metrics ? "" : total);
    text += fmt::format("# HELP {} {}\n", name, Escaped(about.help, open_metrics));
    text += fmt::format("# TYPE {} {}\n", name, NameOf(about.type));
    if (open_metrics && !about.unit.empty()) text += fmt::format("# UNIT {} {}\n", name, about.unit);
    for (const Sample& sample : family.samples) {
      text += fmt::format("{}{}{}{} {}\n", about.name, total, sample.suffix, LabelsText(sample.labels),
                          NumberText(sample.value));
    }
  }
  return text + "# EOF\n";
}

}  // namespace spawnd::daemon
