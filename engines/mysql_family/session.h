/// The statements by which a login is made, for the keeper's session and for whoever restores. Pure.
#pragma once

#include <string>
#include <vector>

#include "engines/parts.h"

namespace spawnd::engines::mysql_family {

/// Statements, each ending in ";", that give `credentials.user` over TCP this password and, to a
/// superuser, all rights.
std::vector<std::string> LoginStatements(const Credentials& credentials);

}  // namespace spawnd::engines::mysql_family
