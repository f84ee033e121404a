/// `./dev bench memory`: what the daemon and one idle keeper keep in memory.
#include <boost/filesystem.hpp>
#include <fmt/core.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "tests/bench/groups.h"

namespace spawnd::bench {
namespace {

constexpr double kTargetDaemon = 20;  // MB
constexpr double kTargetKeeper = 10;  // MB

/// VmRSS of a process in MB; what it shares with others counts in full.
Result<double> ResidentMegabytes(const std::string& process) {
  std::ifstream status(process + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmRSS:", 0) == 0) return std::strtod(line.c_str() + 6, nullptr) * 1024 / 1e6;
  }
  return Fail(ErrorCode::kNotFound, "no memory is told in " + process + "/status");
}

/// The keeper shows itself as "spawnd keeper <id>".
Result<std::string> FindKeeper(int64_t id) {
  const std::string wanted = fmt::format("spawnd keeper {}", id);
  for (const auto& entry : boost::filesystem::directory_iterator("/proc")) {
    std::ifstream file((entry.path() / "cmdline").string());
    std::stringstream text;
    text << file.rdbuf();
    std::string command = text.str();
    for (char& c : command) c = c == '\0' ? ' ' : c;
    if (command.rfind(wanted, 0) == 0) return entry.path().string();
  }
  return Fail(ErrorCode::kNotFound, "no process is '" + wanted + "'");
}

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
