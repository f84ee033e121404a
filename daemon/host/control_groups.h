/// A control group (cgroup v2) for each container and build, with its limits:
///
///   <delegated>/service         the launcher, and what it has forked
///   <delegated>/c10001          a container: its weights of processor and disk (c10001v3: in its volume v3)
///   <delegated>/c10001/keeper   serves the volume, and so may not wait for memory that the engine has used
///   up <delegated>/c10001/engine   memory, processes and processors of all that runs in the container
///   <delegated>/b10002          a build, the same
///
/// Enter first; afterwards everything is safe from any thread. What cannot be had is said by Missing. The
/// groups survive this process, and a container keeps its group until it is deleted.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "api/types.h"
#include "base/result.h"

namespace spawnd::daemon {

class ControlGroups {
 public:
  /// Takes over a group that is this daemon's to arrange (delegation.h): its processes go into `service`,
  /// together with `resident`, and its controllers are handed down. Anew when the launcher is another one.
  /// Errors leave no container limited.
  Result<void> Enter(const std::string& directory, pid_t resident);
  /// Removes the groups that nothing runs in. At the start, before there are containers.
  void RemoveEmpty() const;

  /// False: no container has limits.
  bool Enforced() const;
  /// What of the limits cannot be had, in words; one each.
  std::vector<std::string> Missing() const;

  /// The group of that name ("c10001"), made if need be, with these limits in force. Returns the directory of
  /// its part for what runs in the container; empty when limits are not enforced.
  Result<std::string> Prepare(const std::string& name, const api::Limits& limits) const;
  /// Moves a keeper to its place.
  void AdmitKeeper(const std::string& name, pid_t keeper) const;
  /// Kills what is left in it and removes it. One that is not there is fine.
  void Remove(const std::string& name) const;

  struct Look {
    api::Usage usage;
    std::string memory_ran_out;  ///< in words; empty: it did not
  };
  /// Zeros for a group that is not there.
  Look LookAt(const std::string& name) const;
  /// Of the daemon and all containers and builds together, also those that are gone; zeros where there are no
  /// groups.
  api::Usage LookAtAll() const;

  /// Of one of its volumes (ContainerRow::volume): a second server of a container has a group of its own.
  static std::string OfContainer(int64_t id, std::string_view volume = {}) {
    return "c" + std::to_string(id) + std::string(volume);
  }
  static std::string OfBuild(int64_t id) { return "b" + std::to_string(id); }

 private:
  Result<void> HandDown(const std::string& directory);
  std::string Directory() const;

  mutable std::mutex mutex_;
  std::string directory_;  ///< empty: not enforced
  std::vector<std::string> missing_;
};

}  // namespace spawnd::daemon
