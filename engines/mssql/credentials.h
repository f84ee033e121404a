/// `sa`, whom clients log in as, and the ways to write a server's address down. Pure apart from random
/// characters.
#pragma once

#include <string_view>

#include "engines/engine.h"

namespace spawnd::engines::mssql {

inline constexpr const char* kAdministrator = "sa";

Credentials NewCredentials(std::string_view database);
ConnectionStrings ConnectionStringsFor(const Endpoint& endpoint, const Credentials& credentials);

/// 16 letters and digits with a capital, a small letter and a digit among them, which the server's policy
/// asks for: https://learn.microsoft.com/sql/relational-databases/security/password-policy
std::string StrongPassword();

}  // namespace spawnd::engines::mssql
