/// Faults between two statements of SQLite, and a look at all that a file holds. For one thread, and the
/// faults for a process of their own.
#pragma once

#include <signal.h>
#include <sqlite3.h>
#include <unistd.h>

#include <string>

#include "tests/support/catch.h"

namespace spawnd::daemon {

enum class Fault { kNone, kKilled, kStatementFails };

// Of the child only: sqlite3_auto_extension takes a function without an argument of ours.
inline Fault fault = Fault::kNone;
inline int statements_left = -1;  ///< until the fault; below zero: it does not come

inline int OnStatement(unsigned, void* database, void*, void*) {
  if (statements_left >= 0 && statements_left-- == 0) {
    if (fault == Fault::kKilled) ::kill(::getpid(), SIGKILL);
    sqlite3_interrupt(static_cast<sqlite3*>(database));
  }
  return 0;
}

inline int WatchDatabase(sqlite3* database, char**, const sqlite3_api_routines*) {
  return sqlite3_trace_v2(database, SQLITE_TRACE_STMT, OnStatement, database);
}

/// Of every database that this process opens from now on; statements_left says when.
inline void WatchStatements(Fault wanted) {
  fault = wanted;
  sqlite3_auto_extension(reinterpret_cast<void (*)()>(WatchDatabase));
}

inline int AppendRow(void* text, int columns, char** values, char**) {
  for (int i = 0; i < columns; ++i)
    *static_cast<std::string*>(text) += std::string(values[i] ? values[i] : "NULL") + "|";
  *static_cast<std::string*>(text) += "\n";
  return 0;
}

/// All rows of all tables, but for when events happened.
inline std::string Dump(const std::string& path) {
  sqlite3* database = nullptr;
  REQUIRE(sqlite3_open_v2(path.c_str(), &database, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK);
  std::string tables;
  std::string text;
  REQUIRE(
      sqlite3_exec(
          database,
          "SELECT group_concat('SELECT ''' || name || ''', ' || CASE name WHEN 'events' THEN 'id, event, "
          "subject, name, teams, actor, detail' ELSE '*' END || ' FROM ' || name, ';') FROM sqlite_schema "
          "WHERE type = 'table'",
          AppendRow, &tables, nullptr) == SQLITE_OK);
  REQUIRE(tables.size() > 3);
  tables.resize(tables.size() - 2);  // AppendRow's marks
  REQUIRE(sqlite3_exec(database, tables.c_str(), AppendRow, &text, nullptr) == SQLITE_OK);
  REQUIRE(sqlite3_close(database) == SQLITE_OK);
  return text;
}

}  // namespace spawnd::daemon
