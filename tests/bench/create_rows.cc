/// `./dev bench create`: request sent to first row over the returned address, for a small and a large image,
/// and where that time goes.
#include <fmt/core.h>
#include <sys/statvfs.h>

#include <cerrno>
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

struct Size {
  std::string name;
  int64_t rows;
  uint64_t disk_bytes;  ///< what building it needs at its worst, the log included
};

const std::vector<Size>& Sizes() {
  static const std::vector<Size> sizes{{"10MB", 20'000, uint64_t{1} << 30},
                                       {"1GB", 2'200'000, uint64_t{8} << 30},
                                       {"10GB", 22'000'000, uint64_t{50} << 30}};
  return sizes;
}

Result<void> Build(PrivateDaemon& daemon, const Size& size) {
  Say("building the image of " + size.name);
  TRY_ASSIGN(const api::DataImage made, daemon.CreateImage(size.name, SampleSql(size.rows)));
  Say(fmt::format("  {:.0f} MB of data, {:.0f} MB on disk", static_cast<double>(made.data_bytes) / 1e6,
                  static_cast<double>(made.disk_bytes) / 1e6));
  return {};
}

Result<std::vector<Size>> BuildWhatFits(PrivateDaemon& daemon) {
  std::vector<Size> built;
  for (const Size& size : Sizes()) {
    struct statvfs room {};
    if (::statvfs(daemon.Directory().c_str(), &room) != 0) return FailErrno(errno, daemon.Directory());
    if (room.f_bavail * room.f_frsize < size.disk_bytes) {
      Say(fmt::format("{}: skipped, {} GB free on the disk are not enough", size.name,
                      (room.f_bavail * room.f_frsize) >> 30));
      continue;
    }
    TRY(Build(daemon, size));
    built.push_back(size);
  }
  return built;
}

Row BetweenSizes(const std::string& size, const Samples& large, const Samples& small) {
  const double ratio = large.Median() / small.Median();
  Row row = RowFor("create-" + size + "-to-10MB", large.Median(),
                   fmt::format("<= {:.1f}x", kTargetBetweenSizes), ratio <= kTargetBetweenSizes, large);
  row.baseline = "create-10MB-p50";
  row.ratio = ratio;
  return row;
}

Result<std::vector<Row>> Measure(Context& context) {
  TRY_ASSIGN(PrivateDaemon* const daemon, context.Daemon());
  TRY_ASSIGN(const std::vector<Size> sizes, BuildWhatFits(*daemon));
  std::map<std::string, Creates> creates;
  for (int i = 0; i < kCreates; ++i) {
    // Interleaved, so that a slow minute of the machine hits all sizes.
    for (const Size& size : sizes) TRY(MeasureOne(*daemon, size.name, creates[size.name]));
  }
  std::vector<Row> table;
  for (const Size& size : sizes) {
    const Samples& total = creates[size.name].total;
    SayWhereTheTimeGoes(size.name, creates[size.name]);
    table.push_back(RowFor("create-" + size.name + "-p50", total.Median(),
                           fmt::format("<= {:.0f} ms", kTargetP50), total.Median() <= kTargetP50, total));
    const double p99 = total.Percentile(0.99);
    table.push_back(RowFor("create-" + size.name + "-p99", p99, fmt::format("<= {:.0f} ms", kTargetP99),
                           p99 <= kTargetP99, total));
    if (&size != &sizes.front()) table.push_back(BetweenSizes(size.name, total, creates["10MB"].total));
  }
  const Samples& removal = creates["10MB"].removal;
  table.push_back(RowFor("delete-p50", removal.Median(), fmt::format("<= {:.0f} ms", kTargetDelete),
                         removal.Median() <= kTargetDelete, removal));
  return table;
}

}  // namespace

RowGroup CreateGroup(Context& context) {
  return {"create",
          "request sent to first row, over 30 creates of each size, 10 GB where 50 GB are free; delete",
          {"create-10MB-p50", "create-10MB-p99", "create-1GB-p50", "create-1GB-p99", "create-1GB-to-10MB",
           "create-10GB-p50", "create-10GB-p99", "create-10GB-to-10MB", "delete-p50"},
          [&context] { return Measure(context); }};
}

}  // namespace spawnd::bench
