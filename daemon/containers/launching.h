/// Starting a keeper in a volume of a container. Private to the sources of Containers; for job threads.
#pragma once

#include <memory>
#include <string>

#include "daemon/containers/containers.h"
#include "daemon/keeper/client.h"

namespace spawnd::daemon {

/// As KeeperClient::Launch, with the installation that is there now, its certificate, its control group, and
/// what the volume lies on.
Result<std::unique_ptr<KeeperClient>> LaunchKeeperIn(const Containers::Uses& uses, const std::string& volume,
                                                     KeeperSpec spec, const api::Limits& limits,
                                                     const LaunchTerms& terms);

}  // namespace spawnd::daemon
