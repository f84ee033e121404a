/// Any engine's own server without spawnd: in a folder of the host's file system, started with the command
/// that a container has. What a create is measured against.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "base/result.h"
#include "engines/engine.h"

namespace spawnd::bench {

class BareServer {
 public:
  /// Initialised in `directory`, which must not exist; it goes with this object.
  static Result<std::unique_ptr<BareServer>> Initialise(const engines::Engine& engine,
                                                        const engines::Installation& installation,
                                                        const std::string& directory);
  ~BareServer();
  BareServer(const BareServer&) = delete;
  BareServer& operator=(const BareServer&) = delete;

  /// From the call to the first connection, in milliseconds.
  Result<double> Start();
  Result<void> Stop();
  /// -1: it does not run.
  pid_t Pid() const { return pid_; }

 private:
  explicit BareServer(const engines::Engine& engine) : engine_(engine) {}
  Result<void> MakeFolders(const std::string& directory);
  Result<void> WriteSettings();
  Result<std::unique_ptr<engines::Engine::Session>> WaitUntilReady();

  const engines::Engine& engine_;
  engines::Launch launch_;
  std::string directory_;
  pid_t pid_ = -1;
};

}  // namespace spawnd::bench
