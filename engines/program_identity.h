/// By what a program is known again without running it: who has said its version is not asked once more while
/// it is the same file. Pure but for IdentityOf, which asks the file system; safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace spawnd::engines {

/// A file as it was at one moment: what replaces it, or writes into it, has another of these. The number of
/// its device is left out, which another boot may give to another disk.
struct ProgramIdentity {
  uint64_t inode = 0;
  int64_t size = 0;
  int64_t modified = 0;  ///< nanoseconds
  int64_t changed = 0;
  bool operator==(const ProgramIdentity&) const = default;
  /// For a file or a message; each identity has one of its own. Empty for none.
  std::string Text() const;
};

/// Of what is behind a path, through symbolic links. None: it cannot be looked at.
std::optional<ProgramIdentity> IdentityOf(const std::string& path);

}  // namespace spawnd::engines
