/// A hiredis connection to a container's server over its private socket, with the container's own password,
/// which the server has from its settings. It connects again by itself when a client or a time limit closed
/// it.
///
/// Used by one thread at a time. Nothing that it changes has to survive a crash: every start begins with the
/// forced settings (launch.h).
#pragma once

#include <memory>

#include "engines/engine.h"

namespace spawnd::engines::redis {

/// One attempt. kUnavailable while the server is not there or still loads its data.
Result<std::unique_ptr<Engine::Session>> OpenSession(const Launch& launch);

}  // namespace spawnd::engines::redis
