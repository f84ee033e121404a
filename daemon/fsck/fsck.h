/// `spawnd fsck`: checks a state directory that no daemon serves, says what is wrong and, when asked to,
/// repairs it. The checks are in daemon/fsck/check.h. Prints to standard output; not for use inside a daemon.
#pragma once

#include <string>

#include "base/result.h"

namespace spawnd::daemon {

struct FsckOptions {
  std::string state_directory;
  bool repair = false;
  bool json = false;
};

/// Makes a catalog of the manifests in a state directory that has none (daemon/fsck/rebuild.h), and says what
/// it did. Errors: kAlreadyExists (there is one), kInUse, kForbidden, kNotFound, kNoSpace, kIo.
Result<void> RebuildCatalog(const std::string& state_directory);

/// Makes an older catalog that of its state directory (daemon/store/generation.h), and says so. Errors as
/// Fsck's, and kNoSpace.
Result<void> AcceptCatalog(const std::string& state_directory);

/// Returns how many findings are left: all of them without `repair`, else those that could not be repaired.
/// Errors: kInUse (a daemon serves the directory), kNotFound (no state directory), kCorrupt (one without its
/// catalog), kForbidden, kIo.
Result<size_t> Fsck(const FsckOptions& options);

}  // namespace spawnd::daemon
