/// What kind of file a backup is, by its first bytes, and what a dump says of itself. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace spawnd::engines::mysql_family {

enum class BackupFormat {
  kSql,
  kStream,  ///< xbstream: what mariabackup and xtrabackup write with --stream
};

/// `head`: the first bytes, unpacked. kInvalidArgument with what the file is instead,
/// where that can be seen; `product`: for that message.
Result<BackupFormat> RecogniseBackup(std::string_view head, const std::string& name,
                                     std::string_view product);

/// The opening comments of mysqldump and mariadb-dump, and what other tools say in theirs.
struct DumpHeader {
  bool present = false;  ///< the dump has an opening line, and will have a closing one
  std::string server;    ///< version of the server that it is of, e.g. "10.11.19-MariaDB"; may be empty
  std::string database;  ///< the one that the dump is of; empty: several, or all
  bool IsMariadb() const { return server.find("MariaDB") != std::string::npos; }
};
DumpHeader ReadDumpHeader(std::string_view head);

}  // namespace spawnd::engines::mysql_family
