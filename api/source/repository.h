/// Where a backup tool keeps what a data image is to be made of. A value.
#pragma once

#include <string>

namespace spawnd::api {

/// A repository of a backup tool, on the client's machine or where the tool's own configuration says.
struct SourceRepository {
  std::string tool;         ///< "pgbackrest", "barman", "wal-g"; empty: the source is a running server
  std::string stanza;       ///< the name of the server in it; empty: the only one
  std::string path;         ///< absolute; empty: as the tool's configuration says
  std::string config_file;  ///< of the tool's own, absolute; empty: none, or the one that it finds by itself
  std::string backup;       ///< as the tool calls it; empty: the newest, or the newest before `at`
  std::string at;           ///< as RestoreOptions::at
};

}  // namespace spawnd::api
