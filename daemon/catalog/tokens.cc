/// Access tokens: of each a hash, never the token.
#include "daemon/catalog/catalog.h"
#include "daemon/catalog/database.h"

namespace spawnd::daemon {
namespace {

#define TOKEN_COLUMNS "id, hash, purpose, owner, created_at, last_used_at"

}  // namespace

Result<int64_t> Catalog::InsertToken(const TokenRow& row) {
  Transaction transaction(*database_);
  TRY(transaction.Begin());
  TRY_ASSIGN(const int64_t id, IdFor(row.id));
  {
    TRY_ASSIGN(Query query,
               database_->Prepare("INSERT INTO access_tokens (" TOKEN_COLUMNS ") VALUES (?,?,?,?,?,?)"));
    TRY(query.Bind(id)
            .Bind(row.hash)
            .Bind(row.purpose)
            .Bind(int64_t{row.owner})
            .Bind(row.created_at)
            .Bind(row.last_used_at)
            .Run());
  }
  TRY(transaction.Commit());
  return id;
}

Result<std::vector<TokenRow>> Catalog::ReadTokens(Query& query) {
  std::vector<TokenRow> tokens;
  while (true) {
    TRY_ASSIGN(const bool row, query.Step());
    if (!row) return tokens;
    TokenRow token;
    token.id = query.Int();
    token.hash = query.Text();
    token.purpose = query.Text();
    token.owner = static_cast<uid_t>(query.Int());
    token.created_at = query.Int();
    token.last_used_at = query.Int();
    tokens.push_back(std::move(token));
  }
}

Result<TokenRow> Catalog::TokenById(int64_t id) {
  TRY_ASSIGN(Query query, database_->Prepare("SELECT " TOKEN_COLUMNS " FROM access_tokens WHERE id = ?"));
  query.Bind(id);
  TRY_ASSIGN(auto tokens, ReadTokens(query));
  if (tokens.empty()) return Fail(ErrorCode::kNotFound, "no access token '" + std::to_string(id) + "'");
  return std::move(tokens.front());
}

Result<std::vector<TokenRow>> Catalog::ListTokens() {
  TRY_ASSIGN(Query query, database_->Prepare("SELECT " TOKEN_COLUMNS " FROM access_tokens ORDER BY id"));
  return ReadTokens(query);
}

Result<void> Catalog::NoteTokenUse(int64_t id, int64_t now) {
  TRY_ASSIGN(Query query, database_->Prepare("UPDATE access_tokens SET last_used_at = ? WHERE id = ?"));
  return query.Bind(now).Bind(id).Run();
}

Result<void> Catalog::RemoveToken(int64_t id) {
  TRY_ASSIGN(Query query, database_->Prepare("DELETE FROM access_tokens WHERE id = ?"));
  TRY(query.Bind(id).Run());
  return ExpectChange("access token", id);
}

}  // namespace spawnd::daemon
