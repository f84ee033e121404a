/// The two programs of a server: initdb and postgres. Pure functions apart from asking the host's locales.
#pragma once

#include "engines/engine.h"

namespace spawnd::engines::postgresql {

/// The bootstrap superuser of every data directory that we initialise; nobody can log in as it over TCP.
inline constexpr const char* kSuperuser = "postgres";

/// The locale of new data directories: C.UTF-8, or C on a host whose C library does not have that.
const char* DefaultLocale();

Command InitdbCommand(const Installation& installation, const Paths& paths);
/// The server of a build on its own, without a network or a postmaster: recovers, takes one statement a line
/// from standard input, ends cleanly. It recovers from the log in the data directory alone.
Command SingleUserCommand(const Paths& paths, const std::string& version);
Command PostmasterCommand(const Installation& installation, const Paths& paths, const Endpoint& endpoint,
                          Purpose purpose);

}  // namespace spawnd::engines::postgresql
