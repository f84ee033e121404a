#include "engines/mssql/tsql.h"

#include <algorithm>

#include "engines/engine.h"

namespace spawnd::engines::mssql {
namespace {

constexpr size_t kMaxFileName = 60;

std::string Doubled(std::string_view text, char end) {
  std::string doubled;
  for (const char c : text) doubled.append(c == end ? 2 : 1, c);
  return doubled;
}

/// UTF-8 characters: bytes that continue none.
size_t CharactersIn(std::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

/// Ending of a file of this type: SQL Server's own habit. Containers of file streams are folders.
std::string_view EndingOf(const BackupFile& file, bool first_data) {
  switch (file.type) {
    case 'L':
      return ".ldf";
    case 'D':
      return first_data ? ".mdf" : ".ndf";
    default:
      return "";
  }
}

}  // namespace

std::string Identifier(std::string_view name) {
  return "[" + Doubled(name, ']') + "]";
}

std::string Literal(std::string_view text) {
  return "N'" + Doubled(text, '\'') + "'";
}

Result<void> CheckDatabaseName(std::string_view name) {
  const std::string shown(name.substr(0, kMaxNameCharacters));
  if (name.empty()) return Fail(ErrorCode::kInvalidArgument, "a database needs a name");
  if (CharactersIn(name) > kMaxNameCharacters) {
    return Fail(ErrorCode::kInvalidArgument,
                "database name '" + shown + "...' is longer than 128 characters");
  }
  if (std::any_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; })) {
    return Fail(ErrorCode::kInvalidArgument, "a database name holds a control character");
  }
  return {};
}

std::string CreateDatabaseStatement(std::string_view database) {
  return "IF DB_ID(" + Literal(database) + ") IS NULL CREATE DATABASE " + Identifier(database);
}

std::string SetPasswordStatement(std::string_view login, std::string_view password) {
  return "ALTER LOGIN " + Identifier(login) + " WITH PASSWORD = " + Literal(password) +
         ", CHECK_POLICY = OFF, CHECK_EXPIRATION = OFF; ALTER LOGIN " + Identifier(login) + " ENABLE";
}

std::vector<std::string> OwnerLoginStatements(std::string_view login, std::string_view password) {
  // dbcreator and not securityadmin: that can give itself CONTROL SERVER. ALTER ANY LOGIN touches no member
  // of sysadmin (https://learn.microsoft.com/sql/t-sql/statements/alter-login-transact-sql#permissions).
  return {"IF SUSER_ID(" + Literal(login) + ") IS NULL CREATE LOGIN " + Identifier(login) +
              " WITH PASSWORD = " + Literal(password) + ", CHECK_POLICY = OFF, CHECK_EXPIRATION = OFF",
          SetPasswordStatement(login, password),
          "ALTER SERVER ROLE dbcreator ADD MEMBER " + Identifier(login),
          "GRANT ALTER ANY LOGIN TO " + Identifier(login)};
}

std::string GiveDatabaseStatement(std::string_view database, std::string_view login) {
  const std::string name = Identifier(database);
  return "ALTER AUTHORIZATION ON DATABASE::" + name + " TO " + Identifier(login) + "; ALTER DATABASE " +
         name + " SET TRUSTWORTHY OFF, DB_CHAINING OFF";
}

std::string UserDatabasesQuery() {
  // The first four are the server's own.
  return "SELECT TOP " + std::to_string(kMaxUserDatabases) +
         " name FROM sys.databases WHERE database_id > 4 AND state = 0 ORDER BY database_id";
}

std::string HeaderQuery(std::string_view backup_path) {
  return "RESTORE HEADERONLY FROM DISK = " + Literal(backup_path);
}

std::string FileListQuery(std::string_view backup_path) {
  return "RESTORE FILELISTONLY FROM DISK = " + Literal(backup_path);
}

Result<std::string> RestoreStatement(std::string_view backup_path, std::string_view database,
                                     const std::vector<BackupFile>& files, std::string_view data_directory) {
  TRY(CheckDatabaseName(database));
  const bool has_data =
      std::any_of(files.begin(), files.end(), [](const BackupFile& f) { return f.type == 'D'; });
  if (!has_data)
    return Fail(ErrorCode::kInvalidArgument, "the backup has no data file: it is no full backup");
  std::string sql =
      "RESTORE DATABASE " + Identifier(database) + " FROM DISK = " + Literal(backup_path) + " WITH ";
  const std::string base = std::string(data_directory) + "/" + FileNameFor(database);
  bool first_data = true;
  int number = 0;
  for (const BackupFile& file : files) {
    ++number;
    const std::string place = base + "-" + std::to_string(number) + std::string(EndingOf(file, first_data));
    if (file.type == 'D') first_data = false;
    sql += "MOVE " + Literal(file.logical_name) + " TO " + Literal(place) + ", ";
  }
  return sql + "REPLACE, RECOVERY, STATS = 10";
}

std::string FileNameFor(std::string_view database) {
  std::string name;
  for (const char c : database) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (plain && name.size() < kMaxFileName) name += c;
  }
  return name.empty() ? "database" : name;
}

}  // namespace spawnd::engines::mssql
