/// `./dev bench pool`: a create that a pooled container answers, of each installed engine, against one that
/// starts cold in the same minute; for PostgreSQL the first row as well.
#include <fmt/core.h>

#include <chrono>
#include <thread>

#include "api/json.h"
#include "engines/registry.h"
#include "tests/bench/groups.h"
#include "tests/bench/samples.h"
#include "tests/bench/stopwatch.h"
#include "tests/bench/workload.h"

namespace spawnd::bench {
namespace {

using namespace std::chrono_literals;

constexpr int kRounds = 20;
constexpr double kTarget = 5;  // milliseconds
constexpr auto kPatience = 60s;
constexpr std::string_view kWithFirstRow = "postgresql";

std::string RowName(std::string_view engine) {
  return "create-from-a-pool-" + std::string(engine);
}

Result<void> WaitForOne(PrivateDaemon& daemon, const std::string& image) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    TRY_ASSIGN(const std::string json,
               daemon.Client().Get(client::DaemonClient::Target("/v1/data-images", image)));
    TRY_ASSIGN(const api::DataImage now, api::FromJson<api::DataImage>(json));
    if (now.pooled > 0) break;
    if (std::chrono::steady_clock::now() > deadline)
      return Fail(ErrorCode::kTimeout, "no container of image '" + image + "' waits in a pool");
    std::this_thread::sleep_for(20ms);
  }
  // What its start has left to do is not what is measured.
  std::this_thread::sleep_for(300ms);
  return {};
}

struct Samplings {
  Samples pooled;  ///< request sent to answer
  Samples cold;
  Samples first_row;  ///< request sent to the first row, pooled
  Samples connect;    ///< the same client's way to a row of a server that runs
};

Result<void> MeasureRound(PrivateDaemon& daemon, const std::string& image, bool with_row, Samplings& all) {
  TRY(WaitForOne(daemon, image));
  const Stopwatch pooled_watch;
  TRY_ASSIGN(const api::DataContainer pooled, daemon.CreateContainer(image));
  all.pooled.Add(pooled_watch.Milliseconds());
  if (pooled.start != "pooled") return Fail(ErrorCode::kInternal, "a create did not come from the pool");
  if (with_row) {
    TRY(Query(pooled.url, "SELECT 1").map([](const auto&) {}));
    all.first_row.Add(pooled_watch.Milliseconds());
    const Stopwatch connect;
    TRY(Query(pooled.url, "SELECT 1").map([](const auto&) {}));
    all.connect.Add(connect.Milliseconds());
  }
  TRY(WaitForOne(daemon, image));
  const Stopwatch cold_watch;
  // No pooled one is of that kind.
  TRY_ASSIGN(const api::DataContainer cold, daemon.CreateContainer(image, api::Durability::kAlways));
  all.cold.Add(cold_watch.Milliseconds());
  TRY(daemon.DeleteContainer(pooled.name));
  return daemon.DeleteContainer(cold.name);
}

Row RowOf(const std::string& name, const Samples& samples, const std::string& baseline, double baseline_ms,
          double target) {
  Row row;
  row.name = name;
  row.value = samples.Median();
  row.unit = "ms";
  row.baseline = fmt::format("{} {:.1f} ms", baseline, baseline_ms);
  row.ratio = samples.Median() / baseline_ms;
  row.target = fmt::format("<= {:.1f} ms", target);
  row.met = samples.Median() <= target;
  row.runs = samples.Count();
  row.spread = fmt::format("{:.1f}-{:.1f}", samples.Percentile(0), samples.Percentile(1));
  return row;
}

Result<std::vector<Row>> MeasureEngine(PrivateDaemon& daemon, const std::string& engine) {
  const std::string image = "warm-" + engine;
  const auto made = daemon.CreateEmptyImage(image, engine, 1);
  if (!made) {
    Say("no row for " + engine + ": " + made.error().message);
    return std::vector<Row>();
  }
  Samplings all;
  const bool with_row = engine == kWithFirstRow;
  for (int round = 0; round < kRounds; ++round) TRY(MeasureRound(daemon, image, with_row, all));
  std::vector<Row> rows{RowOf(RowName(engine), all.pooled, "cold", all.cold.Median(), kTarget)};
  if (with_row) {
    const double connect = all.connect.Median();
    rows.push_back(
        RowOf(RowName(engine) + "-row", all.first_row, "connect and row", connect, kTarget + connect));
  }
  TRY(daemon.Client().Delete(client::DaemonClient::Target("/v1/data-images", image)));
  TRY(daemon.WaitUntilDeleted());
  return rows;
}

Result<std::vector<Row>> Measure(Context& context) {
  TRY_ASSIGN(PrivateDaemon* const daemon, context.Daemon());
  std::vector<Row> table;
  for (const engines::Engine* engine : engines::AllEngines()) {
    TRY_ASSIGN(const auto rows, MeasureEngine(*daemon, std::string(engine->Name())));
    table.insert(table.end(), rows.begin(), rows.end());
  }
  return table;
}

}  // namespace

RowGroup PoolGroup(Context& context) {
  std::vector<std::string> rows{RowName(kWithFirstRow) + "-row"};
  for (const engines::Engine* engine : engines::AllEngines()) rows.push_back(RowName(engine->Name()));
  return {"pool", "a create that a container answers which was started ahead, against one that starts cold",
          rows, [&context] { return Measure(context); }};
}

}  // namespace spawnd::bench
