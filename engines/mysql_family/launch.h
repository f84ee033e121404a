/// What the rest of the family knows of how a server is started. Pure.
#pragma once

#include <string>

#include "engines/parts.h"

namespace spawnd::engines::mysql_family {

std::string SocketPath(const Paths& paths);
/// On the volume, beside the databases.
std::string TemporaryDirectory(const Paths& paths);
/// Whether a server with these runs events from its start on. Without a word of them it does not.
bool RunsEvents(const Settings& settings);

}  // namespace spawnd::engines::mysql_family
