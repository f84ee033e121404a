/// The keeper's connection to a server, over the private socket with libmariadb. Used by one thread at a
/// time.
#pragma once

#include <memory>

#include "engines/engine.h"

namespace spawnd::engines::mysql_family {

/// One attempt, as Engine::Probe has it.
Result<std::unique_ptr<Engine::Session>> OpenSession(const Launch& launch);

/// Statements, each ending in ";", that give `credentials.user` over TCP this password and all rights, and
/// take away the accounts that would be found before it: "root" for one address, and nobody.
std::vector<std::string> LoginStatements(const Credentials& credentials);

}  // namespace spawnd::engines::mysql_family
