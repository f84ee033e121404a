/// Containers that end with the process that created them (`spawnctl run`), however that ends. The catalog
/// keeps which process it was (ContainerRow::client), so that a daemon that was restarted, and a machine that
/// was, know as well; a lifetime that somebody gives the container later unbinds it.
///
/// Loop thread only.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "daemon/loop/event_loop.h"

namespace spawnd::daemon {

class Catalog;
class Containers;

/// What the catalog keeps of a process: "<boot id> <pid> <start time>", which never comes again. Of one that
/// this process cannot see, in a namespace of its own, "?".
std::string TextOfClient(pid_t pid, int process_fd);

class BoundClients {
 public:
  /// All outlive it.
  BoundClients(Catalog& catalog, Containers& containers, uv_loop_t* loop)
      : catalog_(catalog), containers_(containers), loop_(loop) {}
  BoundClients(const BoundClients&) = delete;
  BoundClients& operator=(const BoundClients&) = delete;

  /// Deletes the container when the process behind `process` ends. To be called once its row is there.
  Result<void> Watch(int64_t container, std::shared_ptr<const UniqueFd> process);
  /// Takes up what the last daemon watched, and deletes what has no client any more. At the start, once the
  /// containers have been adopted.
  Result<void> Adopt();

 private:
  struct Watched {
    std::shared_ptr<const UniqueFd> process;
    std::unique_ptr<daemon::Watch> end;
  };
  void ClientEnded(int64_t container);

  Catalog& catalog_;
  Containers& containers_;
  uv_loop_t* const loop_;
  std::map<int64_t, Watched> watched_;
};

}  // namespace spawnd::daemon
