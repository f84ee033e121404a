/// Whether the statements of a dump leave a transaction open at its end: what was done in it is lost when the
/// client goes, and no error says so. Used by one thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engines/mysql_family/dump/statement.h"

namespace spawnd::engines::mysql_family {

class TransactionWatch {
 public:
  /// Every statement that the server gets, in order.
  void Took(const Statement& statement);
  /// What the server is asked when the text has ended: routines, prepared statements and settings begin
  /// transactions that no text shows. Where one has changed rows, its answer is error kOpenError. (DO does
  /// not carry such a query out in MariaDB.)
  static constexpr std::string_view kClosingCheck =
      "SET @spawnd_open = (SELECT 1 FROM (SELECT 1 UNION ALL SELECT 2) AS two WHERE EXISTS (SELECT 1 FROM "
      "information_schema.innodb_trx WHERE trx_mysql_thread_id = CONNECTION_ID() AND trx_rows_modified > 0))";
  static constexpr unsigned kOpenError = 1242;  // a subquery with more than one row
  /// The error of a transaction that is open; where it begins, if that is known.
  Error IsOpen(const std::string& name) const;
  /// kInvalidArgument, with the line where it begins, when one is open. `name`: of the backup.
  Result<void> CheckEnd(const std::string& name) const;

 private:
  bool TookControl(const Statement& statement);
  void TookSet(const Statement& statement);
  void Close() { open_at_ = 0; }

  bool autocommit_ = true;
  bool locked_ = false;  ///< LOCK TABLES; the end of that ends a transaction, too
  bool xa_ = false;
  uint64_t open_at_ = 0;  ///< line; 0: none is open
};

}  // namespace spawnd::engines::mysql_family
