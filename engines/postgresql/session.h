/// A libpq connection to a container's server over its private socket, as the bootstrap superuser.
///
/// Used by one thread at a time. What it changes is one transaction of the server each, so that a crash
/// leaves all of it or nothing; every call may be repeated.
///
/// Preparing is a rename: an image carries a superuser role and a database that are both called "spawn_admin"
/// (no password). Making a database takes tens of milliseconds, renaming one takes less than one.
#pragma once

#include <memory>
#include <string_view>

#include "engines/engine.h"

namespace spawnd::engines::postgresql {

/// One attempt, bounded by a second. kUnavailable: the server is not there yet or still starting.
Result<std::unique_ptr<Engine::Session>> OpenSession(const Paths& paths, const Endpoint& endpoint,
                                                     std::string_view database);

}  // namespace spawnd::engines::postgresql
