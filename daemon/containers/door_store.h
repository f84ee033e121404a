/// Doors over a restart of the daemon: descriptors that systemd keeps for the service meanwhile
/// (sd_notify(3), FDSTORE). Where there is no such service, all of this does nothing: a door is then what its
/// keeper has of it, and the door of a container without a keeper is opened anew.
///
/// Loop thread, and before it the start.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "daemon/door/door.h"

namespace spawnd::daemon {

/// By the number of the container.
using KeptDoors = std::map<int64_t, std::vector<UniqueFd>>;

/// Of the descriptors that the service was started with, by their names, those that are doors'.
KeptDoors TakeKeptDoors(std::multimap<std::string, UniqueFd>& descriptors);

void KeepDoor(int64_t id, const Door& door);
void DropKeptDoor(int64_t id);

}  // namespace spawnd::daemon
