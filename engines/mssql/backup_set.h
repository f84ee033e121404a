/// What RESTORE HEADERONLY and FILELISTONLY answer, and how a backup file begins. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engines/mssql/tsql.h"

namespace spawnd::engines::mssql {

/// A result of a query: every value as text, none for NULL.
struct Table {
  std::vector<std::string> columns;
  std::vector<std::vector<std::optional<std::string>>> rows;
};

/// "TAPE", the first block of Microsoft Tape Format, or "MSSQLBAK", with which compressed backups begin.
bool IsNativeBackup(std::string_view first_bytes);

/// Columns are found by name: releases add some. kInvalidArgument without the columns that count, without a
/// row, or when the first set is no full backup (a differential or a log cannot be restored alone).
/// ReadHeader: the name of the database that was backed up; kUnsupported for the server's own (master, msdb
/// ...).
Result<std::string> ReadHeader(const Table& table);
Result<std::vector<BackupFile>> ReadFileList(const Table& table);

}  // namespace spawnd::engines::mssql
