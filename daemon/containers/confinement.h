/// What stands between a container and the machine, as `get` shows it, and the limits that are in force. Pure
/// functions, safe from any thread.
#pragma once

#include <string>
#include <vector>

#include "api/types.h"
#include "daemon/catalog/rows.h"
#include "daemon/host/engine_host.h"
#include "daemon/keeper/spec.h"

namespace spawnd::daemon {

/// The container's own, else its image's, else the daemon's.
api::Limits LimitsOf(const ContainerRow& container, const ImageRow& image, const EngineHost& host);

/// The same of when it sleeps: seconds without a connection; 0: never.
int64_t SleepAfterOf(const ContainerRow& container, const ImageRow& image, const EngineHost& host);

/// In the words of the API.
api::Confinement ConfinementFrom(const KeeperStarted& started, const EngineHost& host);

/// What a user who reads the daemon's log has to know of it, in sentences; empty when everything is had. The
/// limits are not among them: those are looked for at the start of the daemon.
std::vector<std::string> MissingOf(const api::Confinement& confinement);

}  // namespace spawnd::daemon
