/// `./dev bench many`: 32 creates sent at the same moment, until the last of them has its first row.
#include <fmt/core.h>

#include <thread>

#include "tests/bench/groups.h"
#include "tests/bench/samples.h"
#include "tests/bench/stopwatch.h"

namespace spawnd::bench {
namespace {

constexpr int kAtOnce = 32;
constexpr int kRounds = 5;
constexpr double kTargetSeconds = 2.5;

constexpr char kSql[] =
    "CREATE TABLE sample AS SELECT g AS id, md5(g::text) FROM generate_series(1, 1000) g;";

struct One {
  Result<api::DataContainer> container = Fail(ErrorCode::kInternal, "never asked for");
  double seconds = 0;
};

Result<void> Round(PrivateDaemon& daemon, Samples& last) {
  std::vector<One> all(kAtOnce);
  std::vector<std::thread> clients;
  const Stopwatch watch;
  for (One& one : all) {
    clients.emplace_back([&daemon, &one, &watch] {
      one.container = daemon.CreateContainer("many");
      if (!one.container) return;
      if (auto row = Query(one.container->url, "SELECT id FROM sample LIMIT 1"); !row) {
        one.container = Fail(std::move(row.error()));
      }
      one.seconds = watch.Seconds();
    });
  }
  for (std::thread& client : clients) client.join();
  double slowest = 0;
  for (const One& one : all) {
    if (!one.container) return Fail(one.container.error().Wrap("one of 32 creates at once"));
    slowest = std::max(slowest, one.seconds);
  }
  last.Add(slowest);
  for (const One& one : all) TRY(daemon.DeleteContainer(one.container->name));
  return daemon.WaitUntilDeleted();
}

Result<std::vector<Row>> Measure(Context& context) {
  TRY_ASSIGN(PrivateDaemon* const daemon, context.Daemon());
  TRY(daemon->CreateImage("many", kSql).map([](const api::DataImage&) {}));
  Samples last;
  for (int round = 0; round < kRounds; ++round) TRY(Round(*daemon, last));
  Row row;
  row.name = "32-at-once";
  row.value = last.Median();
  row.unit = "s";
  row.target = fmt::format("<= {} s", kTargetSeconds);
  row.met = row.value <= kTargetSeconds;
  row.runs = last.Count();
  row.spread = fmt::format("{:.2f}-{:.2f}", last.Percentile(0), last.Percentile(1));
  return std::vector<Row>{row};
}

}  // namespace

RowGroup ManyGroup(Context& context) {
  return {"many",
          "32 creates sent at once, until the last has its first row; a failed one fails the bench",
          {"32-at-once"},
          [&context] { return Measure(context); }};
}

}  // namespace spawnd::bench
