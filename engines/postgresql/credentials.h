/// The superuser that each container's clients log in as, and the ways to write its address down. Pure
/// functions apart from drawing random characters.
#pragma once

#include <string_view>

#include "engines/engine.h"

namespace spawnd::engines::postgresql {

/// In an image the superuser and its database carry this bare name and no password; preparing a container
/// renames both (session.h). "spawn_admin_x7k2" for one container.
inline constexpr std::string_view kPlaceholder = "spawn_admin";

Credentials NewCredentials(std::string_view database);
ConnectionStrings ConnectionStringsFor(const Endpoint& endpoint, const Credentials& credentials);

}  // namespace spawnd::engines::postgresql
