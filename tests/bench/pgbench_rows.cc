/// `./dev bench pgbench`: pgbench's own workloads in containers against the same data directory on the host's
/// ext4, each round all of them in turn, each from a cold start.
#include <fmt/core.h>

#include "tests/bench/groups.h"
#include "tests/bench/workload.h"

namespace spawnd::bench {
namespace {

constexpr int kRounds = 5;

Result<void> MeasureContainer(Context& context, api::Durability durability, Speeds& speeds) {
  TRY_ASSIGN(PrivateDaemon* const daemon, context.Daemon());
  TRY_ASSIGN(const api::DataContainer container, daemon->CreateContainer(kPgbenchImage, durability));
  TRY(MeasureServer(container.url, speeds));
  return daemon->DeleteContainer(container.name);
}

Result<std::vector<Row>> Measure(Context& context) {
  TRY_ASSIGN(PgbenchImage* const image, context.Pgbench());
  Speeds native;
  Speeds every_second;
  Speeds always;
  for (int round = 0; round < kRounds; ++round) {
    Say(fmt::format("pgbench: round {} of {}", round + 1, kRounds));
    TRY(MeasureNative(context, *image->native, native));
    TRY(MeasureContainer(context, api::Durability::kEverySecond, every_second));
    TRY(MeasureContainer(context, api::Durability::kAlways, always));
  }
  return std::vector<Row>{
      Compare("tpcb-everysec", every_second.tpcb, native.tpcb, "tps", 1.2),
      Compare("tpcb-always", always.tpcb, native.tpcb, "tps", 0.7),
      Compare("read-only", every_second.reads, native.reads, "tps", 0.95),
      Compare("cold-scan", every_second.scan, native.scan, "MB/s", 0.9),
  };
}

}  // namespace

RowGroup PgbenchGroup(Context& context) {
  return {"pgbench",
          "pgbench in containers and on the host's ext4, interleaved",
          {"tpcb-everysec", "tpcb-always", "read-only", "cold-scan"},
          [&context] { return Measure(context); }};
}

}  // namespace spawnd::bench
