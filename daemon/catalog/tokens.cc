#include "daemon/catalog/tokens.h"

#include <utility>

#include "daemon/catalog/columns.h"
#include "daemon/catalog/database.h"

namespace spawnd::daemon {

Result<int64_t> TokenTable::Insert(const TokenRow& row) {
  Transaction transaction(database_);
  TRY(transaction.Begin());
  TokenRow token = row;
  TRY_ASSIGN(token.id, IdForInTransaction(database_, row.id));
  TRY(InsertRowInTransaction(database_, "access_tokens", token));
  TRY(transaction.Commit());
  return token.id;
}

Result<TokenRow> TokenTable::ById(int64_t id) {
  TRY_ASSIGN(Query query, SelectRows<TokenRow>(database_, "FROM access_tokens WHERE id = ?"));
  query.Bind(id);
  TRY_ASSIGN(auto tokens, ReadRows<TokenRow>(query));
  if (tokens.empty()) return Fail(ErrorCode::kNotFound, "no access token '" + std::to_string(id) + "'");
  return std::move(tokens.front());
}

Result<std::vector<TokenRow>> TokenTable::List() {
  TRY_ASSIGN(Query query, SelectRows<TokenRow>(database_, "FROM access_tokens ORDER BY id"));
  return ReadRows<TokenRow>(query);
}

Result<void> TokenTable::NoteUse(int64_t id, int64_t now) {
  Transaction transaction(database_);
  TRY(transaction.Begin());
  TRY(database_.Run("UPDATE access_tokens SET last_used_at = ? WHERE id = ?", now, id));
  return transaction.Commit();
}

Result<void> TokenTable::Remove(int64_t id) {
  Transaction transaction(database_);
  TRY(transaction.Begin());
  TRY(database_.Run("DELETE FROM access_tokens WHERE id = ?", id));
  TRY(ExpectChange(database_, "access token", id));
  return transaction.Commit();
}

Result<std::vector<int64_t>> TokenTable::Expired(int64_t now) {
  return Numbers(database_,
                 "SELECT id FROM access_tokens WHERE expires_at > 0 AND expires_at <= ? ORDER BY id", now);
}

}  // namespace spawnd::daemon
