/// `sa`, whom clients log in as. Pure apart from random characters.
#pragma once

#include <string>

namespace spawnd::engines::mssql {

inline constexpr const char* kAdministrator = "sa";

/// 16 letters and digits with a capital, a small letter and a digit among them, which the server's policy
/// asks for: https://learn.microsoft.com/sql/relational-databases/security/password-policy
std::string StrongPassword();

}  // namespace spawnd::engines::mssql
