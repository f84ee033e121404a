/// `./dev bench create`: request sent to first row over the returned address, for a small and a large image,
/// and where that time goes.
#include <fmt/core.h>

#include <map>

#include "tests/bench/groups.h"
#include "tests/bench/samples.h"
#include "tests/bench/stopwatch.h"

namespace spawnd::bench {
namespace {

constexpr int kCreates = 30;
constexpr double kTargetP50 = 60;   // milliseconds
constexpr double kTargetP99 = 150;  // milliseconds
constexpr double kTargetBetweenSizes = 1.1;
constexpr double kTargetDelete = 15;  // milliseconds

/// The first row a client sees: connect with what the daemon printed, read one row of the image's own data.
Result<void> ReadFirstRow(const api::DataContainer& container) {
  TRY_ASSIGN(const std::string row, Query(container.url, "SELECT id FROM sample LIMIT 1"));
  if (row.empty()) return Fail(ErrorCode::kIo, "container '" + container.name + "' has no row");
  return {};
}

struct Creates {
  Samples total;
  Samples client;   ///< connect and first row, after the daemon's answer
  Samples removal;  ///< request sent to answer
  std::map<std::string, Samples> steps;
  std::vector<std::string> order;
};

Result<void> MeasureOne(PrivateDaemon& daemon, const std::string& image, Creates& creates) {
  const Stopwatch total;
  TRY_ASSIGN(const api::DataContainer container, daemon.CreateContainer(image));
  const Stopwatch answered;
  TRY(ReadFirstRow(container));
  creates.total.Add(total.Milliseconds());
  creates.client.Add(answered.Milliseconds());
  for (const auto& [step, milliseconds] : container.timings) {
    if (creates.steps.count(step) == 0) creates.order.push_back(step);
    creates.steps[step].Add(milliseconds);
  }
  const Stopwatch removal;
  TRY(daemon.DeleteContainer(container.name));
  creates.removal.Add(removal.Milliseconds());
  return {};
}

void SayWhereTheTimeGoes(const std::string& image, const Creates& creates) {
  std::string line = fmt::format("{}: median ms:", image);
  for (const std::string& step : creates.order) {
    line += fmt::format(" {} {:.1f},", step, creates.steps.at(step).Median());
  }
  Say(line + fmt::format(" connect and first row {:.1f}", creates.client.Median()));
}

Row RowFor(const std::string& name, double value, const std::string& target, bool met,
           const Samples& samples) {
  Row row;
  row.name = name;
  row.value = value;
  row.unit = "ms";
  row.target = target;
  row.met = met;
  row.runs = samples.Count();
  row.spread = fmt::format("{:.0f}-{:.0f}", samples.Percentile(0), samples.Percentile(1));
  return row;
}

std::string SampleSql(int64_t rows) {
  return fmt::format(
      "CREATE TABLE sample (id bigint, filler text);\n"
      "INSERT INTO sample SELECT g, repeat(md5(g::text), 12) FROM generate_series(1, {}) g;\n"
      "ALTER TABLE sample ADD PRIMARY KEY (id);\nVACUUM (FREEZE, ANALYZE) sample;\n",
      rows);
}

Result<std::vector<Row>> Measure(Context& context) {
  TRY_ASSIGN(PrivateDaemon* const daemon, context.Daemon());
  const std::vector<std::pair<std::string, int64_t>> images{{"10MB", 20'000}, {"1GB", 2'200'000}};
  std::map<std::string, Creates> creates;
  for (const auto& [image, rows] : images) {
    Say("building the image of " + image);
    TRY_ASSIGN(const api::DataImage made, daemon->CreateImage(image, SampleSql(rows)));
    Say(fmt::format("  {:.0f} MB of data, {:.0f} MB on disk", static_cast<double>(made.data_bytes) / 1e6,
                    static_cast<double>(made.disk_bytes) / 1e6));
  }
  for (int i = 0; i < kCreates; ++i) {
    // Interleaved, so that a slow minute of the machine hits both sizes.
    for (const auto& [image, rows] : images) TRY(MeasureOne(*daemon, image, creates[image]));
  }
  std::vector<Row> table;
  for (const auto& [image, rows] : images) {
    const Samples& total = creates[image].total;
    SayWhereTheTimeGoes(image, creates[image]);
    table.push_back(RowFor("create-" + image + "-p50", total.Median(),
                           fmt::format("<= {:.0f} ms", kTargetP50), total.Median() <= kTargetP50, total));
    const double p99 = total.Percentile(0.99);
    table.push_back(RowFor("create-" + image + "-p99", p99, fmt::format("<= {:.0f} ms", kTargetP99),
                           p99 <= kTargetP99, total));
  }
  const double ratio = creates["1GB"].total.Median() / creates["10MB"].total.Median();
  Row between = RowFor("create-1GB-to-10MB", creates["1GB"].total.Median(),
                       fmt::format("<= {:.1f}x", kTargetBetweenSizes), ratio <= kTargetBetweenSizes,
                       creates["1GB"].total);
  between.baseline = "create-10MB-p50";
  between.ratio = ratio;
  table.push_back(between);
  const Samples& removal = creates["10MB"].removal;
  table.push_back(RowFor("delete-p50", removal.Median(), fmt::format("<= {:.0f} ms", kTargetDelete),
                         removal.Median() <= kTargetDelete, removal));
  return table;
}

}  // namespace

RowGroup CreateGroup(Context& context) {
  return {"create",
          "request sent to first row, over 30 creates of a small and a large image; delete",
          {"create-10MB-p50", "create-10MB-p99", "create-1GB-p50", "create-1GB-p99", "create-1GB-to-10MB",
           "delete-p50"},
          [&context] { return Measure(context); }};
}

}  // namespace spawnd::bench
