/// What comes before a daemon is made: settings of the process, and what its configuration says of the
/// machine. Before there are threads, but for HoldReload.
#pragma once

#include <string>

#include "base/result.h"
#include "daemon/config.h"
#include "daemon/host/engine_host.h"

namespace spawnd::daemon {

/// Lets SIGHUP wait, or no longer. One that comes during the start is answered after it.
void HoldReload(bool hold);

/// Process-wide settings.
void SetUpProcess();

Result<void> CheckRoot();

/// The address that engines listen on, and the users that they run as. Errors: kNotFound, kInUse,
/// kInvalidArgument, and what the name service says.
Result<EngineHost> FindEngineHost(const Config& config);

struct ConfigFile {
  std::string path;
  bool must_exist = false;
};
/// One that was named has to be there; else the default one.
ConfigFile ConfigFileOf(const std::string& named);

}  // namespace spawnd::daemon
