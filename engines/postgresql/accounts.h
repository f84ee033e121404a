/// The two roles that spawnd itself makes in a PostgreSQL server. Constants.
#pragma once

#include <string_view>

namespace spawnd::engines::postgresql {

/// The bootstrap superuser of every data directory that we initialise; nobody can log in as it over TCP.
inline constexpr const char* kSuperuser = "postgres";

/// In an image the role that clients log in as and its database carry this bare name and no password;
/// preparing a container renames both (session.cc). "spawn_admin_x7k2" for one container.
inline constexpr std::string_view kPlaceholder = "spawn_admin";

}  // namespace spawnd::engines::postgresql
