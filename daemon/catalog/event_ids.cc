#include "daemon/catalog/event_ids.h"

#include "daemon/catalog/columns.h"
#include "daemon/catalog/database.h"

namespace spawnd::daemon {

Result<int64_t> LastEventId(Database& database) {
  TRY_ASSIGN(const auto last, Numbers(database,
                                      "SELECT max(coalesce((SELECT max(id) FROM events), 0), "
                                      "coalesce((SELECT value FROM counters WHERE name = ?), 0))",
                                      std::string_view("events")));
  return last.empty() ? 0 : last.front();
}

Result<int64_t> LastEventId(const std::string& catalog_path) {
  TRY_ASSIGN(const auto database, Database::Open(catalog_path));
  return LastEventId(*database);
}

Result<void> SkipEventIds(const std::string& catalog_path, int64_t up_to) {
  TRY_ASSIGN(const auto database, Database::Open(catalog_path));
  Transaction transaction(*database);
  TRY(transaction.Begin());
  TRY(
      database->Run("INSERT INTO counters VALUES ('events', ?) ON CONFLICT (name) DO UPDATE "
                    "SET value = max(value, excluded.value)",
                    up_to));
  return transaction.Commit();
}

Result<void> ForgetEvents(const std::string& catalog_path) {
  TRY_ASSIGN(const auto database, Database::Open(catalog_path));
  Transaction transaction(*database);
  TRY(transaction.Begin());
  TRY(database->Run("DELETE FROM events"));
  return transaction.Commit();
}

}  // namespace spawnd::daemon
