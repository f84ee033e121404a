/// Whether the statements of a dump leave a transaction open at its end: what was done in it is lost when the
/// client goes, and no error says so. Used by one thread at a time.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "engines/mysql_family/dump/statement.h"

namespace spawnd::engines::mysql_family {

class TransactionWatch {
 public:
  /// Every statement that the server gets, in order.
  void Took(const Statement& statement);
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
