/// Copies of the catalog, each a file that can be put in its place: without a log beside it, 0600 as the
/// catalog is.
///
/// Whatever thread has the connection. A copy is whole and durable under its name, or not there: what a crash
/// leaves has another name, and the next copy writes over it.
#pragma once

#include <string>

#include "base/result.h"
#include "daemon/catalog/database.h"

namespace spawnd::daemon {

/// What the catalog holds at this moment, into `target`, instead of what that held. kNoSpace, before a byte
/// is written, when the disk has not several times the room; kIo.
Result<void> CopyDatabase(Database& database, const std::string& target);
/// The same of the catalog at `path`, which others may be using. Any thread: over a connection of its own.
Result<void> CopyCatalog(const std::string& path, const std::string& target);

}  // namespace spawnd::daemon
