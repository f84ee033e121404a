/// The programs that make a data directory and serve it, with all their options. Pure, but for looking where
/// in an installation a program is.
///
/// On the volume: data/db is the server's data directory, data/tmp its temporary files. Side by side, because
/// every folder in a data directory is a database.
#pragma once

#include <string>
#include <vector>

#include "engines/engine.h"
#include "engines/mysql_family/product.h"

namespace spawnd::engines::mysql_family {

std::string DatabaseDirectory(const Paths& paths);
std::string SocketPath(const Paths& paths);

Command InitialiseCommandOf(const Product& product, const Launch& launch);
Command ServerCommand(const Product& product, const Launch& launch);

/// What the server runs at every start, before it listens: the superuser of the private socket exists and
/// needs no password there, whatever a restore or a user did to it.
std::vector<SettingsFile> StartFiles();

}  // namespace spawnd::engines::mysql_family
