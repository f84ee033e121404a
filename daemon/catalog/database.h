/// SQLite for the catalog: one connection, statements prepared once, results instead of codes. Loop thread
/// only.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"

namespace spawnd::daemon {

/// The Error for a failed call on `database`: kNoSpace, kCorrupt, kInUse, kAlreadyExists (a constraint) or
/// kIo.
Error DatabaseError(sqlite3* database, std::string_view what);

/// A prepared statement on loan from its Database: bind in order, step, read; the end of its life resets it.
class Query {
 public:
  Query(sqlite3* database, sqlite3_stmt* statement) : database_(database), statement_(statement) {}
  Query(Query&& other) noexcept;
  Query& operator=(Query&&) = delete;
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;
  ~Query();

  Query& Bind(int64_t value);
  Query& Bind(double value);
  Query& Bind(std::string_view value);
  Query& Bind(std::optional<int64_t> value);  ///< nothing: NULL

  /// True: there is a row to read. False: done.
  Result<bool> Step();
  /// For a statement without rows.
  Result<void> Run();

  // Columns of the present row, from left to right.
  int64_t Int();
  double Real();
  std::string Text();
  std::optional<int64_t> OptionalInt();

 private:
  sqlite3* database_;
  sqlite3_stmt* statement_;
  int next_parameter_ = 1;
  int next_column_ = 0;
  int bind_code_ = SQLITE_OK;  ///< the first failure; Step reports it
};

class Database {
 public:
  /// Opens an existing file, or makes one (0600) when there is none.
  static Result<std::unique_ptr<Database>> Open(const std::string& path);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  /// `sql` is a literal: its address is the key under which the prepared statement is kept.
  Result<Query> Prepare(const char* sql);
  /// Runs statements that give no rows.
  Result<void> Execute(const char* sql);
  /// Rows that the last insert, update or delete changed.
  bool Changed() const { return sqlite3_changes(database_) > 0; }

 private:
  explicit Database(sqlite3* database) : database_(database) {}

  sqlite3* database_;
  std::unordered_map<const char*, sqlite3_stmt*> statements_;
};

/// One transaction: rolled back unless Commit returned success.
class Transaction {
 public:
  explicit Transaction(Database& database) : database_(database) {}
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();

  /// Takes the write lock at once, so that nothing fails for want of it half way.
  Result<void> Begin();
  Result<void> Commit();

 private:
  Database& database_;
  bool open_ = false;
};

}  // namespace spawnd::daemon
