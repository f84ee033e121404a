#include "engines/postgresql/mask/masking.h"

#include <memory>
#include <utility>

#include "engines/postgresql/mask/find.h"
#include "engines/postgresql/mask/leftovers.h"
#include "engines/postgresql/mask/rewrite.h"

namespace spawnd::engines::postgresql {
namespace {

constexpr int kSettingForEventTriggers = 17;

/// A server may have more databases than it lets in clients: one session at a time, in that which was asked
/// last.
struct OneSession {
  std::string database;
  RunSql run;
};

/// For the rest of the session. The key is a value that a setting gets, of which logs of statements have
/// none.
Result<void> Prepare(const RunSql& run, const std::string& key) {
  TRY(run(
      "SET log_statement = none; SET log_min_duration_statement = -1; SET log_min_error_statement = panic; "
      "SET session_replication_role = replica; SET DateStyle = ISO; SET IntervalStyle = postgres; "
      "SET TimeZone = 'UTC'; SET bytea_output = hex; SET transform_null_equals = off; "
      "SET default_tablespace = ''; SET temp_tablespaces = ''; SET default_table_access_method = heap"));
  return run("SELECT set_config('" + std::string(kMaskKeySetting) + "', '" + key + "', false)")
      .map([](const auto&) {});
}

/// In one database. Before 17 an event trigger that is to fire always does; what it would act on are
/// statements of ours.
Result<std::vector<std::string>> SilenceEventTriggers(const RunSql& run, int major) {
  if (major >= kSettingForEventTriggers) return std::vector<std::string>();
  const std::string which = " FROM pg_event_trigger WHERE evtenabled IN ('A', 'R') ORDER BY oid";
  TRY_ASSIGN(auto later,
             run("SELECT format('ALTER EVENT TRIGGER %I ENABLE %s', evtname, CASE evtenabled WHEN "
                 "'A' THEN 'ALWAYS' ELSE 'REPLICA' END)" +
                 which));
  TRY_ASSIGN(const auto now, run("SELECT format('ALTER EVENT TRIGGER %I DISABLE', evtname)" + which));
  for (const std::string& statement : now) TRY(run(statement));
  return later;
}

Result<void> MaskDatabaseOf(const MaskDatabase& database, const std::vector<MaskedTable>& tables,
                            const std::vector<MaskRule>& rules, int major, std::vector<int64_t>& counts) {
  TRY_ASSIGN(const auto later, SilenceEventTriggers(database.run, major));
  for (const MaskedTable& table : tables) TRY(RewriteTable(database.run, table, rules, counts));
  TRY(CheckForeignKeys(database.run, tables, rules));
  TRY(RenewWhatWasMadeOfThem(database.run));
  for (const std::string& statement : later) TRY(database.run(statement));
  return {};
}

}  // namespace

Result<std::vector<int64_t>> MaskServer(const ServerToMask& server, const std::vector<MaskRule>& rules) {
  TRY_ASSIGN(const std::string key, NewMaskKey());
  TRY_ASSIGN(
      const auto names,
      server.run(
          "SELECT datname FROM pg_catalog.pg_database WHERE datallowconn AND datconnlimit <> -2 ORDER BY "
          "oid LIMIT 1000"));
  std::vector<MaskDatabase> databases;
  const auto session = std::make_shared<OneSession>();
  for (const std::string& name : names) {
    databases.push_back(
        {name, [&server, session, name](const std::string& sql) -> Result<std::vector<std::string>> {
           if (session->database != name) {
             TRY_ASSIGN(session->run, server.open(name));
             session->database = name;
           }
           return session->run(sql);
         }});
  }
  TRY_ASSIGN(const TablesOfDatabases found, FindMasked(databases, rules));
  TRY(ExpectNobodyElse(server.run));
  std::vector<int64_t> counts(rules.size(), 0);
  for (const auto& [database, tables] : found) {
    TRY(ExpectServersOwn(database->run));
    TRY(Prepare(database->run, key));
    TRY(MaskDatabaseOf(*database, tables, rules, server.major, counts));
  }
  TRY(GiveUpLog(server.run));
  return counts;
}

}  // namespace spawnd::engines::postgresql
