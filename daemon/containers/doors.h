/// The doors of all containers, as the daemon has them, and who comes to one behind which no keeper is.
///
/// Loop thread only. The descriptors outlive the process where systemd or a keeper has them too
/// (door_store.h); nothing else does.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "daemon/containers/door_store.h"
#include "daemon/door/door.h"
#include "daemon/loop/event_loop.h"
#include "engines/engine.h"

namespace spawnd::daemon {

class Doors {
 public:
  /// `kept`: over the restart, of which each is taken when its container is.
  Doors(uv_loop_t* loop, KeptDoors kept);
  Doors(const Doors&) = delete;
  Doors& operator=(const Doors&) = delete;
  ~Doors();

  /// None: it has no door, or not yet.
  std::shared_ptr<const Door> Of(int64_t id) const;
  /// The one that there is, else a new one. Errors: as Door::Open.
  Result<std::shared_ptr<const Door>> Open(int64_t id, const engines::Endpoint& endpoint);
  /// What a keeper has given back; nothing if there is one already.
  void TakeBack(int64_t id, const engines::Endpoint& endpoint, std::vector<UniqueFd> descriptors);
  /// The port is free, as far as the daemon is concerned.
  void Close(int64_t id);
  /// What was kept for it over the restart, if anything was.
  void TakeKept(int64_t id, const engines::Endpoint& endpoint);
  /// Closes what was kept of containers that are no more. Once all are known.
  void DropUnclaimed();

  // One of these at a time for each door; the later takes the place of the earlier.

  /// Calls once, and only once, when somebody waits at the door. He goes on waiting, for a keeper.
  void WatchArrivals(int64_t id, std::function<void()> arrived);
  /// Whoever comes reads `words`, as far as the product's protocol allows, and is gone.
  void TurnAway(int64_t id, const engines::Engine& engine, const std::string& words);
  /// Whoever comes waits.
  void Leave(int64_t id);

 private:
  struct Entry;
  struct Visitor;

  Entry* Find(int64_t id);
  std::shared_ptr<const Door> Add(int64_t id, Door door);
  void Look(Entry& entry, const std::function<void(size_t)>& comes);
  void Accept(int64_t id, size_t address);
  void Hear(uint64_t visitor);

  uv_loop_t* const loop_;
  KeptDoors kept_;
  std::map<int64_t, std::unique_ptr<Entry>> entries_;
  std::map<uint64_t, std::unique_ptr<Visitor>> visitors_;  ///< who is being turned away
  uint64_t next_visitor_ = 1;
};

}  // namespace spawnd::daemon
