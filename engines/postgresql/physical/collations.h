/// Whether the indexes of a foreign data directory are in the order of this machine's libraries. PostgreSQL
/// takes what a collation means from the C library or ICU, and the order of the same name differs between
/// libraries and their versions: look-ups then miss rows, and unique indexes take duplicates. Pure.
///
/// https://www.postgresql.org/docs/current/sql-altercollation.html#SQL-ALTERCOLLATION-NOTES
#pragma once

#include <string>
#include <string_view>

namespace spawnd::engines::postgresql {

/// The column whose values are warnings, as a server on its own prints them.
inline constexpr const char* kWarningColumn = "spawnd_warning";

/// Statements of one line for a server on its own.
struct CollationQueries {
  /// Warnings of databases. And a column spawnd_database: names for kCollationScript, in escapes of printf.
  std::string of_databases;
  /// Warnings of what the indexes of the database that one is in use of collations.
  std::string of_indexes;
};

/// A server on its own takes a line for a statement.
std::string InOneLine(std::string_view sql);

CollationQueries QueriesForCollations(int major);

/// Arguments: both queries, then the command, which lacks a database's name. Never fails.
extern const char* const kCollationScript;

}  // namespace spawnd::engines::postgresql
