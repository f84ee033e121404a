#include "daemon/containers/door_store.h"

#include <systemd/sd-daemon.h>

#include <charconv>
#include <string_view>
#include <utility>

namespace spawnd::daemon {
namespace {

constexpr std::string_view kName = "door-";

std::string NameOf(int64_t id) {
  return std::string(kName) + std::to_string(id);
}

}  // namespace

KeptDoors TakeKeptDoors(std::multimap<std::string, UniqueFd>& descriptors) {
  KeptDoors doors;
  for (auto& [name, descriptor] : descriptors) {
    int64_t id = 0;
    const char* end = name.data() + name.size();
    if (!name.starts_with(kName) || std::from_chars(name.data() + kName.size(), end, id).ptr != end) continue;
    doors[id].push_back(std::move(descriptor));
  }
  return doors;
}

void KeepDoor(int64_t id, const Door& door) {
  // Without a look at whether they are at their end: they are no streams.
  const std::string state = "FDSTORE=1\nFDPOLL=0\nFDNAME=" + NameOf(id);
  const std::vector<int> descriptors = door.Descriptors();
  ::sd_pid_notify_with_fds(0, 0, state.c_str(), descriptors.data(),
                           static_cast<unsigned>(descriptors.size()));
}

void DropKeptDoor(int64_t id) {
  ::sd_notify(0, ("FDSTOREREMOVE=1\nFDNAME=" + NameOf(id)).c_str());
}

}  // namespace spawnd::daemon
