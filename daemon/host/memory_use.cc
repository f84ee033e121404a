#include "daemon/host/memory_use.h"

#include <dirent.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>

namespace spawnd::daemon {
namespace {

constexpr std::string_view kKeeper = "keeper-";  // as it calls itself (daemon/keeper/main.cc)

struct Process {
  std::string name;
  uid_t user = 0;
  int64_t own_bytes = 0;
  int64_t shared_bytes = 0;
};

int64_t NumberBehind(const std::string& line) {
  return std::strtoll(line.c_str() + line.find(':') + 1, nullptr, 10);
}

Process ReadProcess(const std::string& pid) {
  constexpr int64_t kKilobyte = 1024;
  Process process;
  std::ifstream file("/proc/" + pid + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("Name:\t")) process.name = line.substr(6);
    if (line.starts_with("Uid:")) process.user = static_cast<uid_t>(NumberBehind(line));
    if (line.starts_with("RssAnon:")) process.own_bytes = NumberBehind(line) * kKilobyte;
    if (line.starts_with("RssShmem:")) {
      process.shared_bytes = NumberBehind(line) * kKilobyte;
      break;
    }
  }
  return process;
}

}  // namespace

MemoryUse LookAtMemory(uid_t first, uid_t last) {
  MemoryUse use;
  std::map<uid_t, int64_t> shared;  // the processes of one server have the same: the most of any
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc"), ::closedir);
  for (const dirent* entry = nullptr; folder && (entry = ::readdir(folder.get())) != nullptr;) {
    if (std::isdigit(static_cast<unsigned char>(entry->d_name[0])) == 0) continue;
    const Process process = ReadProcess(entry->d_name);
    if (process.user >= first && process.user <= last) {
      use.of_users[process.user] += process.own_bytes;
      shared[process.user] = std::max(shared[process.user], process.shared_bytes);
    } else if (process.user == 0 && process.name.starts_with(kKeeper)) {
      use.of_keepers[std::strtoll(process.name.c_str() + kKeeper.size(), nullptr, 10)] += process.own_bytes;
    }
  }
  for (const auto& [user, bytes] : shared) use.of_users[user] += bytes;
  return use;
}

}  // namespace spawnd::daemon
