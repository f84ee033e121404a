/// What becomes of who comes to a container's door, by the state that the container is in.
#include <spdlog/spdlog.h>

#include "daemon/containers/connection.h"
#include "daemon/containers/containers.h"
#include "daemon/containers/life.h"
#include "engines/registry.h"

namespace spawnd::daemon {

/// None where the machine has no doors: then the engine has the port alone, while it runs.
Result<std::shared_ptr<const Door>> Containers::OpenDoor(const Life& life) {
  auto door = doors_.Open(life.row.id, EndpointOf(life.row));
  if (door || door.error().code != ErrorCode::kUnsupported) return door;
  if (said_missing_.insert("door").second) {
    spdlog::warn("containers have no doors: {}. {}", door.error().message, door.error().hint);
  }
  return std::shared_ptr<const Door>();
}

/// Behind the door is no keeper.
void Containers::PresentDoor(const Life& life) {
  const std::string name = "data container '" + life.row.name + "'";
  switch (life.machine.State()) {
    case ContainerState::kStopped:
      return TurnAway(life, name + " is stopped; `spawnctl start data-container " + life.row.name + "`");
    case ContainerState::kFailed:
      return TurnAway(life,
                      name + " has failed; `spawnctl get data-container " + life.row.name + "` says why");
    case ContainerState::kDeleting:
      return TurnAway(life, name + " was deleted");
    default:
      return doors_.Leave(life.row.id);
  }
}

void Containers::TurnAway(const Life& life, const std::string& words) {
  const auto engine = engines::FindEngine(life.image.engine);
  // One of a container that has never had one is not opened for its end.
  const bool opens = life.machine.State() != ContainerState::kDeleting;
  const auto door = opens ? OpenDoor(life) : Result<std::shared_ptr<const Door>>(doors_.Of(life.row.id));
  if (!engine || !door || *door == nullptr) return;
  doors_.TurnAway(life.row.id, **engine, words);
}

}  // namespace spawnd::daemon
