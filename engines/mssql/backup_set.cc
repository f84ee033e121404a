#include "engines/mssql/backup_set.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/text.h"

namespace spawnd::engines::mssql {
namespace {

/// BackupType of https://learn.microsoft.com/sql/t-sql/statements/restore-statements-headeronly-transact-sql
constexpr std::string_view kFullBackup = "1";
constexpr std::array<std::string_view, 4> kSystemDatabases{"master", "model", "msdb", "tempdb"};

Result<size_t> Column(const Table& table, std::string_view name) {
  for (size_t i = 0; i < table.columns.size(); ++i) {
    if (SameInAnyCase(table.columns[i], name)) return i;
  }
  return Fail(ErrorCode::kInvalidArgument,
              "the server's answer about the backup has no column " + std::string(name));
}

/// Empty for NULL and for a row that is too short.
std::string Value(const std::vector<std::optional<std::string>>& row, size_t column) {
  return column < row.size() ? row[column].value_or("") : "";
}

}  // namespace

bool IsNativeBackup(std::string_view first_bytes) {
  return first_bytes.substr(0, 4) == "TAPE" || first_bytes.substr(0, 8) == "MSSQLBAK";
}

Result<std::string> ReadHeader(const Table& table) {
  TRY_ASSIGN(const size_t name, Column(table, "DatabaseName"));
  TRY_ASSIGN(const size_t type, Column(table, "BackupType"));
  if (table.rows.empty()) return Fail(ErrorCode::kInvalidArgument, "the backup holds no backup set");
  if (Value(table.rows.front(), type) != kFullBackup) {
    return Fail(ErrorCode::kInvalidArgument, "the backup is not a full backup of a database",
                "A differential or log backup cannot be restored alone.");
  }
  const std::string database = Value(table.rows.front(), name);
  for (const std::string_view own : kSystemDatabases) {
    if (!SameInAnyCase(own, database)) continue;
    return Fail(
        ErrorCode::kUnsupported, "the backup is one of '" + database + "', a database of the server's own",
        "Restore the databases that hold the data; logins of the old server are made by a postScript.");
  }
  return database;
}

Result<std::vector<BackupFile>> ReadFileList(const Table& table) {
  TRY_ASSIGN(const size_t logical, Column(table, "LogicalName"));
  TRY_ASSIGN(const size_t physical, Column(table, "PhysicalName"));
  TRY_ASSIGN(const size_t type, Column(table, "Type"));
  std::vector<BackupFile> files;
  for (const auto& row : table.rows) {
    const std::string kind = Value(row, type);
    BackupFile file{Value(row, logical), Value(row, physical), kind.empty() ? 'D' : kind.front()};
    if (file.logical_name.empty())
      return Fail(ErrorCode::kInvalidArgument, "the backup lists a file without a name");
    files.push_back(std::move(file));
  }
  if (files.empty()) return Fail(ErrorCode::kInvalidArgument, "the backup lists no files");
  return files;
}

}  // namespace spawnd::engines::mssql
