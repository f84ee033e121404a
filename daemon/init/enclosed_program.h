/// Starts a program in a pid namespace of its own, from process 1. Its parent there is a process that does
/// nothing but wait: it takes everything the program left behind along when the program ends, also what made
/// itself a session, and when the leash (program_order.h) is let go.
#pragma once

#include <sys/types.h>

#include <functional>

#include "base/process.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace spawnd::daemon {

struct Enclosure {
  SpawnOptions options;  ///< its descriptors stay the caller's
  UniqueFd leash;
  bool own_mounts = false;  ///< a mount namespace of its own, for `prepare`
  /// Runs in the new namespaces, as root, before the program is started.
  std::function<Result<void>()> prepare{};
  /// The program's one capability: CAP_DAC_OVERRIDE, by which root reads what is others'. Of use for uid 0
  /// only.
  bool reads_any_file = false;
  /// Descriptors that `prepare` uses.
  std::vector<int> kept{};
};

/// The pid of the waiting process, whose exit tells nothing: what became of the program is said on the leash.
/// The calling process has one thread.
Result<pid_t> StartEnclosed(Enclosure enclosure);

}  // namespace spawnd::daemon
