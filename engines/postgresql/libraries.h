/// Libraries of extensions: which a database uses, and where an installation keeps them.
#pragma once

#include <string>

namespace spawnd::engines::postgresql {

/// Asks one database: a row of text for each extension (all have plpgsql) and each library of other
/// functions, as TextOf(UsedLibrary). An extension without a library of its own needs no file.
std::string LibrariesOfDatabase();
/// The same of what the server loads by itself.
std::string LibrariesOfServer();

}  // namespace spawnd::engines::postgresql
