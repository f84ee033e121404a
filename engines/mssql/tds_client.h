/// A connection to SQL Server by FreeTDS's db-lib. Used by one thread at a time; several may exist. db-lib's
/// time limits and message handlers belong to the whole process: nobody else in a process may set them.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engines/engine.h"
#include "engines/mssql/backup_set.h"

struct tds_dblib_dbprocess;
struct tds_dblib_loginrec;

namespace spawnd::engines::mssql {

/// What the server said beside a result. Severity 11 and more is an error.
struct ServerMessage {
  int number = 0;
  int severity = 0;
  int line = 0;  ///< of the batch, from 1
  std::string text;
};

class TdsClient {
 public:
  /// `limit`: of the login and of each later call; 0 of later calls: none. kUnavailable: the server is not
  /// there, or not ready for this login yet.
  static Result<TdsClient> Open(const Endpoint& endpoint, const std::string& user,
                                const std::string& password, std::chrono::seconds limit);
  TdsClient(TdsClient&&) = default;
  TdsClient& operator=(TdsClient&&) = default;
  ~TdsClient() = default;

  /// Runs one batch to its end; the result of its last query. An error is the first that the server reports,
  /// in its words, with "line N: " in front, counted from `first_line`. `on_message`: whatever is no error,
  /// e.g. a restore's progress.
  Result<Table> Run(const std::string& sql, const std::function<void(const ServerMessage&)>& on_message = {},
                    uint64_t first_line = 1);

 private:
  struct Close {
    void operator()(tds_dblib_dbprocess* process) const;
  };
  static Result<TdsClient> Login(tds_dblib_loginrec* login, const std::string& server);
  explicit TdsClient(tds_dblib_dbprocess* process) : process_(process) {}

  std::unique_ptr<tds_dblib_dbprocess, Close> process_;
};

/// The code for an error number of sys.messages; kInternal for those that say nothing to us.
ErrorCode CodeForMessage(int number);

}  // namespace spawnd::engines::mssql
