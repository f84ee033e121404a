#include "daemon/host/port_holder.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <system_error>

#include "base/escape_controls.h"

namespace spawnd::daemon {
namespace {

namespace fs = std::filesystem;

/// Inodes of the sockets that listen on `port`, of a table of proc(5).
void AddListeners(const char* table, uint16_t port, std::set<std::string>& links) {
  constexpr const char* kListening = "0A";
  std::ifstream file(table);
  std::string line;
  std::getline(file, line);  // headings
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::string number;
    std::string local;
    std::string remote;
    std::string state;
    fields >> number >> local >> remote >> state;
    const size_t colon = local.rfind(':');
    if (state != kListening || colon == std::string::npos) continue;
    if (std::stoul("0" + local.substr(colon + 1), nullptr, 16) != port) continue;
    std::string inode;
    constexpr int kFieldsBetween = 5;
    for (int i = 0; i <= kFieldsBetween; ++i) fields >> inode;
    links.insert("socket:[" + inode + "]");
  }
}

bool HasOneOf(const fs::path& process, const std::set<std::string>& links) {
  std::error_code error;
  for (fs::directory_iterator fd(process / "fd", error), end; !error && fd != end; fd.increment(error)) {
    std::array<char, 64> target{};
    const ssize_t length = ::readlink(fd->path().c_str(), target.data(), target.size());
    if (length > 0 && links.count(std::string(target.data(), static_cast<size_t>(length))) > 0) return true;
  }
  return false;
}

}  // namespace

std::string HolderOfPort(uint16_t port) {
  std::set<std::string> links;
  AddListeners("/proc/net/tcp", port, links);
  AddListeners("/proc/net/tcp6", port, links);
  if (links.empty()) return "";
  std::error_code error;
  for (fs::directory_iterator process("/proc", error), end; !error && process != end;
       process.increment(error)) {
    const std::string pid = process->path().filename();
    const bool is_number = std::all_of(pid.begin(), pid.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!is_number || !HasOneOf(process->path(), links)) continue;
    std::string name;
    std::getline(std::ifstream(process->path() / "comm"), name);
    return EscapeControls(name, "") + " (process " + pid + ")";
  }
  return "";
}

}  // namespace spawnd::daemon
