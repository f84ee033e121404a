/// What servers have said of their version, by program: one is not asked again while it is the same file, not
/// by the next daemon either, and not after a reboot. A machine that has just booted has other things to do
/// than to load five servers that are then thrown away; and what it is too busy to answer is known already.
///
/// Thread-safe. The file is a cache: one that is missing, damaged or of another build is an empty one, and
/// what cannot be written is asked again by the next daemon.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engines/program_identity.h"

namespace spawnd::daemon {

class VersionMemory {
 public:
  /// `path`: where it is kept; empty: nowhere. What the file says is believed as the catalog is: it is
  /// root's.
  explicit VersionMemory(std::string path);

  /// What `argv` printed when its program was this file.
  std::optional<std::string> Recall(const std::vector<std::string>& argv,
                                    const engines::ProgramIdentity& program) const;
  void Note(const std::vector<std::string>& argv, const engines::ProgramIdentity& program,
            std::string output);
  /// Writes the file if there is anything new, without programs that are gone.
  void Keep();

 private:
  struct Said {
    std::string program;  ///< ProgramIdentity::Text
    std::string output;
  };
  void Read();

  const std::string path_;
  mutable std::mutex mutex_;
  std::map<std::vector<std::string>, Said> said_;
  bool is_new_ = false;
};

}  // namespace spawnd::daemon
