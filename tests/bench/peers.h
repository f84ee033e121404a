/// Other ways to get a writable copy of a data directory without copying it, as far as this machine has the
/// tools: what spawnd is compared with beside a plain copy.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace spawnd::bench {

class Peer {
 public:
  virtual ~Peer() = default;
  virtual std::string Name() const = 0;
  /// What has to be on the PATH.
  virtual std::vector<std::string> Tools() const = 0;
  /// Makes the pool in `work` (an existing folder) and puts a copy of `data_directory` into it.
  virtual Result<void> Prepare(const std::string& work, const std::string& data_directory) = 0;
  /// A new writable copy; the path of its data directory.
  virtual Result<std::string> Clone() = 0;
  virtual Result<void> RemoveClone() = 0;
};

std::unique_ptr<Peer> XfsReflink();
std::unique_ptr<Peer> BtrfsSnapshot();
std::unique_ptr<Peer> Qcow2();

/// Runs a program as root to its end.
Result<void> RunAsRoot(std::vector<std::string> argv);
/// The tools of `peer` that are not installed; empty: it can be measured.
std::vector<std::string> MissingTools(const Peer& peer);
/// Mounts made from here on vanish with this process.
Result<void> EnterOwnMountNamespace();

}  // namespace spawnd::bench
