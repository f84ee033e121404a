#include "engines/mysql_family/dump/transaction_watch.h"

namespace spawnd::engines::mysql_family {
namespace {

/// What ends a transaction before it is carried out.
bool CommitsByItself(const Statement& statement) {
  if (statement.IsOneOf(0, {"CREATE", "DROP"})) {
    return !statement.Is(1, "TEMPORARY") && !statement.Is(3, "TEMPORARY");
  }
  return statement.IsOneOf(
      0, {"ALTER", "TRUNCATE", "RENAME", "LOCK", "GRANT", "REVOKE", "ANALYZE", "OPTIMIZE", "REPAIR", "CHECK",
          "FLUSH", "INSTALL", "UNINSTALL", "RESET", "CACHE"});
}

bool ChangesRows(const Statement& statement) {
  return statement.IsOneOf(0, {"INSERT", "REPLACE", "UPDATE", "DELETE", "LOAD", "CALL"});
}

/// COMMIT AND CHAIN begins the next one. ROLLBACK TO a savepoint goes on.
bool GoesOn(const Statement& statement) {
  const size_t chain = statement.Find("CHAIN");
  if (chain < statement.words.size()) return !statement.Is(chain - 1, "NO");
  return statement.Is(0, "ROLLBACK") && statement.Find("TO") < statement.words.size();
}

}  // namespace

bool TransactionWatch::TookControl(const Statement& statement) {
  // BEGIN NOT ATOMIC is a block of statements.
  const bool begins = (statement.Is(0, "BEGIN") && !statement.Is(1, "NOT")) ||
                      (statement.Is(0, "START") && statement.Is(1, "TRANSACTION"));
  if (begins) {
    open_at_ = statement.line;
    return true;
  }
  if (statement.IsOneOf(0, {"COMMIT", "ROLLBACK"})) {
    if (!GoesOn(statement)) Close();
    return true;
  }
  if (!statement.Is(0, "XA")) return false;
  if (statement.IsOneOf(1, {"START", "BEGIN"})) {
    open_at_ = statement.line;
    xa_ = true;
  } else if (statement.IsOneOf(1, {"COMMIT", "ROLLBACK"})) {
    Close();
    xa_ = false;
  }
  return true;
}

void TransactionWatch::TookSet(const Statement& statement) {
  for (size_t i = 1; i + 1 < statement.words.size(); ++i) {
    if (!statement.IsOneOf(i, {"AUTOCOMMIT", "@@AUTOCOMMIT", "@@SESSION.AUTOCOMMIT", "@@LOCAL.AUTOCOMMIT"}))
      continue;
    if (statement.IsOneOf(i + 1, {"0", "OFF", "FALSE"})) {
      autocommit_ = false;
    } else {
      // Also what a variable says, which only the server knows (kClosingCheck).
      autocommit_ = true;
      Close();
    }
  }
}

void TransactionWatch::Took(const Statement& statement) {
  if (statement.words.empty() || TookControl(statement) || xa_) return;
  if (statement.Is(0, "SET")) return TookSet(statement);
  if (statement.Is(0, "UNLOCK")) {
    if (locked_) Close();
    locked_ = false;
    return;
  }
  if (CommitsByItself(statement)) {
    Close();
    locked_ |= statement.Is(0, "LOCK");
    return;
  }
  if (!autocommit_ && open_at_ == 0 && ChangesRows(statement)) open_at_ = statement.line;
}

Error TransactionWatch::IsOpen(const std::string& name) const {
  return {ErrorCode::kInvalidArgument,
          "'" + name + "' ends within a transaction" +
              (open_at_ == 0 ? std::string() : ", which begins in line " + std::to_string(open_at_)) +
              ": what is done in it would be lost",
          "Is the file whole? Else end it with COMMIT."};
}

Result<void> TransactionWatch::CheckEnd(const std::string& name) const {
  if (open_at_ == 0) return {};
  return Fail(IsOpen(name));
}

}  // namespace spawnd::engines::mysql_family
