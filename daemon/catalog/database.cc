#include "daemon/catalog/database.h"

#include <fcntl.h>

#include <cerrno>
#include <utility>

#include "base/file.h"
#include "base/unique_fd.h"

namespace spawnd::daemon {
namespace {

/// Somebody who looks into the file with a tool of theirs may hold it for a moment. The loop must not wait
/// longer.
constexpr int kBusyMilliseconds = 200;

ErrorCode CodeOf(sqlite3* database, int code) {
  switch (code & 0xFF) {
    case SQLITE_FULL:
      return ErrorCode::kNoSpace;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorCode::kCorrupt;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorCode::kInUse;
    case SQLITE_CONSTRAINT:
      return ErrorCode::kAlreadyExists;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN: {
      // SQLite reports a full disk as an I/O error when it hits it outside a plain write.
      const int err = sqlite3_system_errno(database);
      return err == ENOSPC || err == EDQUOT ? ErrorCode::kNoSpace : ErrorCode::kIo;
    }
    default:
      return ErrorCode::kInternal;
  }
}

}  // namespace

Error DatabaseError(sqlite3* database, std::string_view what) {
  const int code = sqlite3_extended_errcode(database);
  return {CodeOf(database, code), std::string(what) + ": " + sqlite3_errmsg(database)};
}

Query::Query(Query&& other) noexcept
    : database_(other.database_),
      statement_(std::exchange(other.statement_, nullptr)),
      next_parameter_(other.next_parameter_),
      next_column_(other.next_column_),
      bind_code_(other.bind_code_) {}

Query::~Query() {
  if (statement_ == nullptr) return;
  // The result is that of the last step, which was looked at.
  static_cast<void>(sqlite3_reset(statement_));
  sqlite3_clear_bindings(statement_);
}

Query& Query::Bind(int64_t value) {
  const int code = sqlite3_bind_int64(statement_, next_parameter_++, value);
  if (bind_code_ == SQLITE_OK) bind_code_ = code;
  return *this;
}

Query& Query::Bind(double value) {
  const int code = sqlite3_bind_double(statement_, next_parameter_++, value);
  if (bind_code_ == SQLITE_OK) bind_code_ = code;
  return *this;
}

Query& Query::Bind(std::string_view value) {
  const int code = sqlite3_bind_text64(statement_, next_parameter_++, value.empty() ? "" : value.data(),
                                       value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  if (bind_code_ == SQLITE_OK) bind_code_ = code;
  return *this;
}

Query& Query::Bind(std::optional<int64_t> value) {
  if (value) return Bind(*value);
  ++next_parameter_;  // what nobody binds is NULL
  return *this;
}

Result<bool> Query::Step() {
  if (bind_code_ != SQLITE_OK) {
    return Fail(ErrorCode::kInternal, std::string("catalog: ") + sqlite3_errstr(bind_code_));
  }
  next_column_ = 0;
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return Fail(DatabaseError(database_, "catalog"));
}

Result<void> Query::Run() {
  if (sqlite3_stmt_readonly(statement_) == 0 && sqlite3_get_autocommit(database_) != 0) {
    return Fail(ErrorCode::kInternal,
                std::string("catalog: outside of a transaction: ") + sqlite3_sql(statement_));
  }
  TRY_ASSIGN(const bool row, Step());
  if (row) return Fail(ErrorCode::kInternal, "catalog: a statement gave a row that nobody wants");
  return {};
}

int64_t Query::Int() {
  return sqlite3_column_int64(statement_, next_column_++);
}

double Query::Real() {
  return sqlite3_column_double(statement_, next_column_++);
}

std::string Query::Text() {
  const int column = next_column_++;
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (text == nullptr) return {};
  return {text, static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
}

std::optional<int64_t> Query::OptionalInt() {
  const bool null = sqlite3_column_type(statement_, next_column_) == SQLITE_NULL;
  const int64_t value = Int();
  return null ? std::nullopt : std::optional(value);
}

Result<std::unique_ptr<Database>> Database::Open(const std::string& path) {
  // Made here and not by SQLite, for the mode; the log and index beside it take theirs from it.
  const UniqueFd made(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!made.Valid() && errno != EEXIST) return FailErrno(errno, "cannot make catalog '" + path + "'");
  if (made.Valid()) TRY(PosixFileSystem().SyncDirectory(DirectoryOf(path)));

  sqlite3* handle = nullptr;
  // One thread, so no locks inside; nobody's URI syntax in the path.
  const int code =
      sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  auto database = std::unique_ptr<Database>(new Database(handle));
  if (handle == nullptr)
    return Fail(ErrorCode::kInternal, "cannot open catalog '" + path + "': out of memory");
  if (code != SQLITE_OK) return Fail(DatabaseError(handle, "cannot open catalog '" + path + "'"));
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, kBusyMilliseconds);
  return database;
}

Result<std::unique_ptr<Database>> Database::InMemory() {
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(":memory:", &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  auto database = std::unique_ptr<Database>(new Database(handle));
  if (handle == nullptr || code != SQLITE_OK)
    return Fail(ErrorCode::kInternal, "cannot make a database in memory");
  sqlite3_extended_result_codes(handle, 1);
  return database;
}

Result<std::unique_ptr<Database>> Database::InMemory(const Database& other) {
  TRY_ASSIGN(auto database, InMemory());
  sqlite3* handle = database->database_;
  sqlite3_backup* copy = sqlite3_backup_init(handle, "main", other.database_, "main");
  if (copy == nullptr) return Fail(DatabaseError(handle, "cannot copy the catalog"));
  static_cast<void>(sqlite3_backup_step(copy, -1));  // what finish says is of both
  if (sqlite3_backup_finish(copy) != SQLITE_OK) return Fail(DatabaseError(handle, "cannot copy the catalog"));
  return database;
}

Database::~Database() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  // Every commit was durable by itself: nothing depends on what close says.
  static_cast<void>(sqlite3_close(database_));
}

Result<Query> Database::Prepare(std::string_view sql) {
  const auto known = statements_.find(sql);
  if (known != statements_.end()) return Query(database_, known->second);
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(database_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                         &statement, nullptr) != SQLITE_OK) {
    return Fail(DatabaseError(database_, "catalog"));
  }
  statements_.emplace(sql, statement);
  return Query(database_, statement);
}

Result<void> Database::Execute(const char* sql) {
  if (sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return Fail(DatabaseError(database_, "catalog"));
  }
  return {};
}

Result<void> Database::AddFunction(const char* name, std::function<void(int64_t, int64_t)> call) {
  using Call = std::function<void(int64_t, int64_t)>;
  const auto run = [](sqlite3_context* context, int, sqlite3_value** values) {
    (*static_cast<Call*>(sqlite3_user_data(context)))(sqlite3_value_int64(values[0]),
                                                      sqlite3_value_int64(values[1]));
  };
  const auto drop = [](void* owned) { std::unique_ptr<Call>(static_cast<Call*>(owned)); };
  // SQLite has it from here on, also when it says no.
  if (sqlite3_create_function_v2(database_, name, 2, SQLITE_UTF8, new Call(std::move(call)), run, nullptr,
                                 nullptr, drop) != SQLITE_OK) {
    return Fail(DatabaseError(database_, "catalog"));
  }
  return {};
}

Result<void> Transaction::Begin() {
  TRY(database_.Execute("BEGIN IMMEDIATE"));
  open_ = true;
  return {};
}

Result<void> Transaction::Commit() {
  if (database_.last_of_commit_) TRY(database_.last_of_commit_());
  TRY(database_.Execute("COMMIT"));
  open_ = false;
  if (database_.after_commit_) database_.after_commit_();
  return {};
}

Transaction::~Transaction() {
  // After some errors (a full disk) SQLite has rolled back by itself, and says so here.
  if (open_) static_cast<void>(database_.Execute("ROLLBACK"));
}

}  // namespace spawnd::daemon
