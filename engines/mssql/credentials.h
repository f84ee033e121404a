/// Whom clients log in as. Pure apart from random characters.
#pragma once

#include <string>

#include "engines/engine.h"

namespace spawnd::engines::mssql {

inline constexpr const char* kAdministrator = "sa";
/// Whom clients log in as in a server that gives them no sa.
inline constexpr const char* kOwner = "spawn_owner";

/// 16 letters and digits with a capital, a small letter and a digit among them, which the server's policy
/// asks for: https://learn.microsoft.com/sql/relational-databases/security/password-policy
std::string StrongPassword();

/// sa's password at this start: the client's, or the keeper's own.
std::string AdministratorPassword(const Launch& launch);

}  // namespace spawnd::engines::mssql
