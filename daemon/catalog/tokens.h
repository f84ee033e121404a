/// The access tokens of the catalog: of each a hash, never the token. A part of Catalog, which says what
/// holds for all tables: loop thread only, each call one transaction.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "daemon/catalog/rows.h"

namespace spawnd::daemon {

class Database;

class TokenTable {
 public:
  explicit TokenTable(Database& database) : database_(database) {}

  /// row.id 0: takes a new id in the same transaction. Returns the id.
  Result<int64_t> Insert(const TokenRow& row);
  Result<TokenRow> ById(int64_t id);  ///< kNotFound
  Result<std::vector<TokenRow>> List();
  Result<void> NoteUse(int64_t id, int64_t now);
  Result<void> Remove(int64_t id);  ///< kNotFound
  /// Those that have expired at that time. By id.
  Result<std::vector<int64_t>> Expired(int64_t now);

 private:
  Database& database_;
};

}  // namespace spawnd::daemon
