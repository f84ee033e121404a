/// `./dev bench create`: request sent to first row over the returned address, for a small and a large image,
/// and where that time goes.
#include <fmt/core.h>
#include <libpq-fe.h>

#include <chrono>
#include <map>
#include <memory>
#include <thread>

#include "tests/bench/groups.h"
#include "tests/bench/private_daemon.h"
#include "tests/bench/samples.h"

namespace spawnd::bench {
namespace {

using std::chrono::steady_clock;

constexpr int kCreates = 30;
constexpr double kTargetP50 = 60;   // milliseconds
constexpr double kTargetP99 = 150;  // milliseconds
constexpr double kTargetBetweenSizes = 1.1;

double MillisecondsSince(steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(steady_clock::now() - start).count();
}

/// The first row a client sees: connect with what the daemon printed, read one row of the image's own data.
Result<void> ReadFirstRow(const api::DataContainer& container) {
  const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(container.url.c_str()), PQfinish);
  if (PQstatus(connection.get()) != CONNECTION_OK) {
    return Fail(ErrorCode::kUnavailable, PQerrorMessage(connection.get()));
  }
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(
      PQexec(connection.get(), "SELECT id FROM sample LIMIT 1"), PQclear);
  if (PQresultStatus(result.get()) != PGRES_TUPLES_OK || PQntuples(result.get()) != 1) {
    return Fail(ErrorCode::kIo, PQerrorMessage(connection.get()));
  }
  return {};
}

struct Creates {
  Samples total;
  Samples client;  ///< connect and first row, after the daemon's answer
  std::map<std::string, Samples> steps;
  std::vector<std::string> order;
};

Result<void> MeasureOne(PrivateDaemon& daemon, const std::string& image, Creates& creates) {
  const auto start = steady_clock::now();
  TRY_ASSIGN(const api::DataContainer container, daemon.CreateContainer(image));
  const auto answered = steady_clock::now();
  TRY(ReadFirstRow(container));
  creates.total.Add(MillisecondsSince(start));
  creates.client.Add(MillisecondsSince(answered));
  for (const auto& [step, milliseconds] : container.timings) {
    if (creates.steps.count(step) == 0) creates.order.push_back(step);
    creates.steps[step].Add(milliseconds);
  }
  return daemon.DeleteContainer(container.name);
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

Result<std::vector<Row>> Measure(const std::string& spawnd) {
  TRY_ASSIGN(const auto daemon, PrivateDaemon::Start(spawnd));
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
    table.push_back(RowFor("create " + image + " p50", total.Median(),
                           fmt::format("<= {:.0f} ms", kTargetP50), total.Median() <= kTargetP50, total));
    const double p99 = total.Percentile(0.99);
    table.push_back(RowFor("create " + image + " p99", p99, fmt::format("<= {:.0f} ms", kTargetP99),
                           p99 <= kTargetP99, total));
  }
  const double ratio = creates["1GB"].total.Median() / creates["10MB"].total.Median();
  Row between = RowFor("create 1GB : 10MB", creates["1GB"].total.Median(),
                       fmt::format("<= {:.1f}x", kTargetBetweenSizes), ratio <= kTargetBetweenSizes,
                       creates["1GB"].total);
  between.baseline = "create 10MB p50";
  between.ratio = ratio;
  table.push_back(between);
  return table;
}

}  // namespace

RowGroup CreateGroup(const std::string& spawnd) {
  return {"create", "request sent to first row, over 30 creates of a small and a large image",
          [spawnd] { return Measure(spawnd); }};
}

}  // namespace spawnd::bench
