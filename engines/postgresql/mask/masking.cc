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

/// How a session reads and writes values as texts.
constexpr const char* kPlainTexts =
    "SET DateStyle = ISO; SET IntervalStyle = postgres; SET TimeZone = 'UTC'; SET bytea_output = hex; "
    "SET transform_null_equals = off";

/// For the rest of the session. The key is a value that a setting gets, of which logs of statements have
/// none.
Result<void> Prepare(const RunSql& run, const std::string& key) {
  TRY(run(
      "SET log_statement = none; SET log_min_duration_statement = -1; SET log_min_error_statement = panic; "
      "SET session_replication_role = replica; SET default_tablespace = ''; SET temp_tablespaces = ''; SET "
      "default_table_access_method = heap"));
  TRY(run(kPlainTexts));
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
                            const std::vector<MaskRule>& rules, int major, Masked& masked) {
  TRY_ASSIGN(const auto later, SilenceEventTriggers(database.run, major));
  const size_t first = masked.proofs.size();
  for (const MaskedTable& table : tables) TRY(RewriteTable(database.run, table, rules, masked));
  for (size_t i = first; i < masked.proofs.size(); ++i) masked.proofs[i].database = database.name;
  TRY(CheckForeignKeys(database.run, tables, rules));
  TRY(RenewWhatWasMadeOfThem(database.run));
  for (const std::string& statement : later) TRY(database.run(statement));
  return {};
}

}  // namespace

Result<Masked> MaskServer(const ServerToMask& server, const std::vector<MaskRule>& rules) {
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
  Masked masked{std::vector<int64_t>(rules.size(), 0), {}};
  for (const auto& [database, tables] : found) {
    TRY(ExpectServersOwn(database->run));
    TRY(Prepare(database->run, key));
    TRY(MaskDatabaseOf(*database, tables, rules, server.major, masked));
  }
  TRY(GiveUpLog(server.run));
  return masked;
}

/// A transaction that only reads, as the planner works out what functions of indexes are of constants.
Result<void> ExpectStillMasked(const OpenDatabase& open, const std::vector<MaskProof>& proofs) {
  std::string database;
  RunSql run;
  for (const MaskProof& proof : proofs) {
    if (!run || proof.database != database) {
      TRY_ASSIGN(run, open(proof.database));
      database = proof.database;
      TRY(ExpectServersOwn(run));
      TRY(run(kPlainTexts));
    }
    TRY(run("BEGIN READ ONLY"));
    const auto is = run(proof.query);
    TRY(run("ROLLBACK"));
    if (!is || is->size() != 1 || is->front() != proof.answer) return Fail(proof.otherwise);
  }
  return {};
}

}  // namespace spawnd::engines::postgresql
