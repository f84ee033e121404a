/// `./dev bench memory`: what the daemon and one idle keeper keep in memory.
#include <fmt/core.h>

#include <thread>

#include "tests/bench/groups.h"
#include "tests/bench/processes.h"

namespace spawnd::bench {
namespace {

constexpr double kTargetDaemon = 20;  // MB
constexpr double kTargetKeeper = 10;  // MB

Row RowFor(const std::string& name, double megabytes, double target) {
  Row row;
  row.name = name;
  row.value = megabytes;
  row.unit = "MB";
  row.target = fmt::format("<= {:.0f} MB", target);
  row.met = megabytes <= target;
  row.runs = 1;
  row.spread = "-";
  return row;
}

Result<std::vector<Row>> Measure(Context& context) {
  TRY_ASSIGN(PrivateDaemon* const daemon, context.Daemon());
  TRY(daemon->CreateImage("idle", "CREATE TABLE sample (id int);").map([](const api::DataImage&) {}));
  TRY_ASSIGN(const api::DataContainer container, daemon->CreateContainer("idle"));
  std::this_thread::sleep_for(std::chrono::seconds(3));
  TRY_ASSIGN(const std::string keeper, FindKeeper(container.id));
  TRY_ASSIGN(const double keeper_megabytes, ResidentMegabytes(keeper));
  TRY_ASSIGN(const double daemon_megabytes, ResidentMegabytes("/proc/" + std::to_string(daemon->Pid())));
  TRY(daemon->DeleteContainer(container.name));
  return std::vector<Row>{RowFor("memory-daemon", daemon_megabytes, kTargetDaemon),
                          RowFor("memory-keeper", keeper_megabytes, kTargetKeeper)};
}

}  // namespace

RowGroup MemoryGroup(Context& context) {
  return {"memory",
          "resident memory of the daemon and of an idle keeper",
          {"memory-daemon", "memory-keeper"},
          [&context] { return Measure(context); }};
}

}  // namespace spawnd::bench
