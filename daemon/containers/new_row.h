/// The row of a container that is to be made, as far as its image and the machine say what it is. Pure, safe
/// from any thread.
#pragma once

#include "daemon/catalog/rows.h"
#include "daemon/host/engine_host.h"
#include "engines/engine.h"

namespace spawnd::daemon {

/// What stands between its server and the network.
api::Network NetworkOf(const ImageRow& image, const EngineHost& host);

/// Without id, name, owner, port and lifetime. `superuser`: whether its user is to be one. Its password is
/// new.
ContainerRow NewContainerRow(const ImageRow& image, bool superuser, const engines::Engine& engine,
                             const engines::Installation& installation, const EngineHost& host);

}  // namespace spawnd::daemon
