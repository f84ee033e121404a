/// What an account has that is no superuser and owns all databases. README.md says why it is made this way.
/// Pure.
///
/// At every start, before the server listens, all accounts lose what goes beyond databases, and whatever they
/// have in the system's; the keeper's session then gives the container's user his rights. What a restore or a
/// user did to accounts does not matter.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engines/parts.h"

namespace spawnd::engines::mysql_family {

/// For Product::take_rights of any product: what accounts have in the system's databases goes.
std::vector<std::string> TakeRightsInSystemDatabases();

/// All rights in all databases but the system's, for the container's user and for the private socket's, in
/// whose name a dump's routines and views may run; and that one is no superuser from its next session on.
/// `databases`: those that he may also pass rights on, which he has not been given yet.
std::vector<std::string> OwnerStatements(const Credentials& credentials,
                                         const std::vector<std::string>& databases);

/// A database's name as GRANT takes it, where _ and % stand for others.
std::string GrantPattern(std::string_view database);

}  // namespace spawnd::engines::mysql_family
