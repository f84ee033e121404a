/// How the server is set up whatever the image's own postgresql.conf says. Pure functions.
///
/// What is here is what the container's isolation, its address and its start time rest on. Everything else
/// (memory, logging detail, fsync, full_page_writes, synchronous_commit, ...) stays with postgresql.conf and
/// ALTER SYSTEM, at PostgreSQL's own defaults. The user's own settings (Launch::settings) stand between these
/// two: above the first, in a file that includes it, and below the second, which a container may still use.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engines/engine.h"

namespace spawnd::engines::postgresql {

/// Name and value of every setting that is given on the command line, which nothing in the data directory can
/// override. Only names that this version knows: an unknown one would keep the server from starting.
Settings ForcedSettings(const Paths& paths, const Endpoint& endpoint, std::string_view version);

/// Written before every start of a server that takes changes.
std::vector<SettingsFile> ServerFiles(const Launch& launch);

/// As a file of settings has it: in quotes, in which two stand for one and a backslash for what follows.
std::string QuotedSetting(std::string_view value);

/// The file that a server is started with: the data directory's own, or one of ours that includes it.
std::string ConfigFile(const Launch& launch);
/// False: it is the data directory's.
bool HasOwnConfigFile(const Launch& launch);

/// More of them for a server that makes an image: no wait for a disk, and no write-ahead log kept that every
/// container would carry along. None of it on the size of that log, which has to follow that of its segments
/// (base_recovery.cc).
Settings BuildSettings(std::string_view version);

}  // namespace spawnd::engines::postgresql
