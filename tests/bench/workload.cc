#include "tests/bench/workload.h"

#include <fmt/core.h>

#include <cstdlib>

#include "tests/bench/stopwatch.h"

namespace spawnd::bench {
namespace {

constexpr int kClients = 4;
constexpr int kReadSeconds = 5;
constexpr int kWriteSeconds = 10;

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
                                            "pg_relation_size('pgbench_accounts') + 0 * sum(abalance) "
                                            "FROM pgbench_accounts"));
  return std::strtod(bytes.c_str(), nullptr) / 1e6 / watch.Seconds();
}

}  // namespace

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

}  // namespace spawnd::bench
