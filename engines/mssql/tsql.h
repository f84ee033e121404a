/// The T-SQL that spawnd says to a server. Pure.
///
/// Names go into brackets, values into N'...'; both double what would end them, and nothing else has a
/// meaning inside (https://learn.microsoft.com/sql/t-sql/functions/quotename-transact-sql). Texts are UTF-8.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace spawnd::engines::mssql {

/// sysname: 128 characters.
inline constexpr size_t kMaxNameCharacters = 128;

/// A file in a backup, as RESTORE FILELISTONLY lists it.
struct BackupFile {
  std::string logical_name;
  std::string physical_name;  ///< where it was; "C:\\Data\\shop.mdf" or "/var/opt/mssql/data/shop.mdf"
  char type = 'D';            ///< D data, L log, F full text, S file stream or memory optimised
};

std::string Identifier(std::string_view name);
std::string Literal(std::string_view text);

/// kInvalidArgument for what no database can be called: nothing, too long, a control character.
Result<void> CheckDatabaseName(std::string_view name);

std::string CreateDatabaseStatement(std::string_view database);
/// The password is a login's; the policy of a host's domain has no say in a throw-away server.
std::string SetPasswordStatement(std::string_view login, std::string_view password);
std::string UserDatabasesQuery();

/// Makes the login that owns databases and may make more of them and further logins; no rights in the server
/// beside these.
std::vector<std::string> OwnerLoginStatements(std::string_view login, std::string_view password);
/// `login` becomes the owner (dbo) of a database, in which nothing is trusted beyond it.
std::string GiveDatabaseStatement(std::string_view database, std::string_view login);

std::string HeaderQuery(std::string_view backup_path);
std::string FileListQuery(std::string_view backup_path);

/// RESTORE DATABASE of all files to `data_directory`, under names of our own: those of the backup may be
/// paths of another system, too long, or twice the same. kInvalidArgument when there is no data file.
Result<std::string> RestoreStatement(std::string_view backup_path, std::string_view database,
                                     const std::vector<BackupFile>& files, std::string_view data_directory);

/// A file name for a database, from letters, digits, '-' and '_' of its name; never empty.
std::string FileNameFor(std::string_view database);

}  // namespace spawnd::engines::mssql
