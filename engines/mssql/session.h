/// A FreeTDS connection to a container's server as sa, over TCP: sqlservr has no private socket, and takes
/// sa's password from its environment at every start (launch.h). Used by one thread at a time.
#pragma once

#include <memory>

#include "engines/engine.h"

namespace spawnd::engines::mssql {

/// One attempt. kUnavailable while the server is not there, recovers, or has not set the password yet.
Result<std::unique_ptr<Engine::Session>> OpenSession(const Launch& launch);

}  // namespace spawnd::engines::mssql
