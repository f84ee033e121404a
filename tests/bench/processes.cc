#include "tests/bench/processes.h"

#include <boost/filesystem.hpp>
#include <fmt/core.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace spawnd::bench {

Result<double> ResidentMegabytes(const std::string& process) {
  std::ifstream status(process + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmRSS:", 0) == 0) return std::strtod(line.c_str() + 6, nullptr) * 1024 / 1e6;
  }
  return Fail(ErrorCode::kNotFound, "no memory is told in " + process + "/status");
}

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

double MegabytesBelow(pid_t pid, bool with_itself) {
  const std::string process = "/proc/" + std::to_string(pid);
  double megabytes = 0;
  std::ifstream rollup(process + "/smaps_rollup");
  for (std::string line; with_itself && std::getline(rollup, line);) {
    if (line.rfind("Pss:", 0) == 0) megabytes += std::strtod(line.c_str() + 4, nullptr) * 1024 / 1e6;
  }
  boost::system::error_code error;
  for (boost::filesystem::directory_iterator it(process + "/task", error), end; !error && it != end;
       it.increment(error)) {
    std::ifstream children((it->path() / "children").string());
    for (pid_t child = 0; children >> child;) megabytes += MegabytesBelow(child, true);
  }
  return megabytes;
}

}  // namespace spawnd::bench
