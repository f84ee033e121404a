/// `./dev bench pgbench`: pgbench's own workloads in containers against the same data directory on the host's
/// ext4, each round all of them in turn, each from a cold start.
#include <fmt/core.h>

#include <cstdlib>

#include "tests/bench/context.h"
#include "tests/bench/groups.h"
#include "tests/bench/samples.h"
#include "tests/bench/stopwatch.h"

namespace spawnd::bench {
namespace {

constexpr int kRounds = 5;
constexpr int kClients = 4;
constexpr int kReadSeconds = 5;
constexpr int kWriteSeconds = 10;

/// What one server did in one round; larger is better in all.
struct Speeds {
  Samples scan;   ///< MB/s of the first full read of a cold table
  Samples reads;  ///< read-only transactions a second
  Samples tpcb;   ///< TPC-B-like transactions a second, each with a synchronous commit
};

Result<double> Pgbench(const std::string& url, int seconds, std::vector<std::string> options) {
  std::vector<std::string> argv{"pgbench", "-n", "-c", std::to_string(kClients),
                                "-j",      "2",  "-T", std::to_string(seconds)};
  argv.insert(argv.end(), options.begin(), options.end());
  argv.push_back(url);
  TRY_ASSIGN(const std::string output, RunProgram(std::move(argv)));
  constexpr std::string_view kMark = "tps = ";
  const size_t at = output.find(kMark);
  if (at == std::string::npos) return Fail(ErrorCode::kInternal, "pgbench says: " + output);
  return std::strtod(output.c_str() + at + kMark.size(), nullptr);
}

/// The table is read to its end once, after everything was dropped from memory.
Result<double> ColdScan(const std::string& url) {
  TRY(DropCaches());
  TRY(Query(url, "SELECT 1").map([](const std::string&) {}));
  const Stopwatch watch;
  TRY_ASSIGN(const std::string bytes, Query(url,
                                            "SET max_parallel_workers_per_gather = 0; SELECT "
                                            "pg_relation_size('pgbench_accounts') FROM (SELECT "
                                            "sum(abalance) FROM pgbench_accounts) s"));
  return std::strtod(bytes.c_str(), nullptr) / 1e6 / watch.Seconds();
}

Result<void> MeasureServer(const std::string& url, Speeds& speeds) {
  TRY_ASSIGN(const double scan, ColdScan(url));
  speeds.scan.Add(scan);
  TRY_ASSIGN(const double reads, Pgbench(url, kReadSeconds, {"-S"}));
  speeds.reads.Add(reads);
  TRY_ASSIGN(const double tpcb, Pgbench(url, kWriteSeconds, {}));
  speeds.tpcb.Add(tpcb);
  return {};
}

Result<void> MeasureNative(Context& context, NativeServer& original, Speeds& speeds) {
  TRY_ASSIGN(const std::string directory, context.Scratch("round"));
  TRY_ASSIGN(const auto server, original.Clone(directory));
  TRY(server->Start());
  TRY(MeasureServer(server->Url("bench"), speeds));
  return server->Stop();
}

Result<void> MeasureContainer(Context& context, api::Durability durability, Speeds& speeds) {
  TRY_ASSIGN(PrivateDaemon* const daemon, context.Daemon());
  TRY_ASSIGN(const api::DataContainer container, daemon->CreateContainer(kPgbenchImage, durability));
  TRY(MeasureServer(container.url, speeds));
  return daemon->DeleteContainer(container.name);
}

Row Compare(const std::string& name, const Samples& ours, const Samples& native, const std::string& unit,
            std::optional<double> target) {
  Row row;
  row.name = name;
  row.value = ours.Median();
  row.unit = unit;
  row.baseline = "native ext4";
  row.ratio = ours.Median() / native.Median();
  if (target) {
    row.target = fmt::format(">= {:.2f}", *target);
    row.met = *row.ratio >= *target;
  }
  row.runs = ours.Count();
  row.spread = fmt::format("{:.2f}-{:.2f}", ours.Percentile(0) / native.Median(),
                           ours.Percentile(1) / native.Median());
  return row;
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
