/// SQLite for the catalog: one connection, statements prepared once, results instead of codes. Loop thread
/// only.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

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
  /// For a statement without rows. kInternal for a change outside of a transaction: a call of the catalog
  /// that needs two changes would be torn by a crash in between.
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
  /// An empty one, in memory.
  static Result<std::unique_ptr<Database>> InMemory();
  /// All that `other` holds now, in memory.
  static Result<std::unique_ptr<Database>> InMemory(const Database& other);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  /// The statement is kept, under its text, for the next time. One that changes something runs in a
  /// Transaction only.
  Result<Query> Prepare(std::string_view sql);
  /// Runs a statement that gives no rows, with `values` for its question marks.
  template <typename... Values>
  Result<void> Run(std::string_view sql, const Values&... values);
  /// Runs statements that give no rows, as they are.
  Result<void> Execute(const char* sql);
  /// What every transaction does last, as a part of itself, and what is done after each that was committed.
  void AtCommit(std::function<Result<void>()> last, std::function<void()> afterwards) {
    last_of_commit_ = std::move(last);
    after_commit_ = std::move(afterwards);
  }
  /// A function of SQL with two numbers, for triggers of this connection; it gives NULL.
  Result<void> AddFunction(const char* name, std::function<void(int64_t, int64_t)> call);
  /// Rows that the last insert, update or delete changed.
  bool Changed() const { return sqlite3_changes(database_) > 0; }

 private:
  explicit Database(sqlite3* database) : database_(database) {}

  friend class Transaction;

  sqlite3* database_;
  std::map<std::string, sqlite3_stmt*, std::less<>> statements_;
  std::function<Result<void>()> last_of_commit_;
  std::function<void()> after_commit_;
};

template <typename... Values>
Result<void> Database::Run(std::string_view sql, const Values&... values) {
  TRY_ASSIGN(Query query, Prepare(sql));
  (query.Bind(values), ...);
  return query.Run();
}

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
