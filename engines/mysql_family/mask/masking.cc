#include "engines/mysql_family/mask/masking.h"

#include <string>

#include "engines/mysql_family/mask/find.h"
#include "engines/mysql_family/mask/leftovers.h"
#include "engines/mysql_family/mask/rewrite.h"

namespace spawnd::engines::mysql_family {
namespace {

/// What a restore may have set for all sessions is set for this one again. The key is the value of a
/// variable, and no log has the statement.
Result<void> Prepare(const RunSql& run, const std::string& key, bool is_mariadb) {
  TRY(run("SET SESSION sql_log_off = ON"));
  TRY(run("SET GLOBAL general_log = OFF, GLOBAL slow_query_log = OFF"));
  TRY(run("SET NAMES utf8mb4"));
  TRY(run(kMaskMode));
  TRY(run(
      "SET SESSION sql_select_limit = 18446744073709551615, sql_safe_updates = 0, foreign_key_checks = 0, "
      "unique_checks = 1, time_zone = '+00:00', group_concat_max_len = 1000000, sql_auto_is_null = 0, "
      "autocommit = 1, lock_wait_timeout = 600"));
  TRY(run(is_mariadb
              ? "SET SESSION max_statement_time = 0, slow_query_log = OFF, check_constraint_checks = ON"
              : "SET SESSION max_execution_time = 0, information_schema_stats_expiry = 0"));
  return run("SET " + std::string(kMaskKeyVariable) + " = '" + key + "'").map([](const auto&) {});
}

}  // namespace

Result<std::vector<int64_t>> MaskServer(const RunSql& run, const std::vector<MaskRule>& rules) {
  TRY_ASSIGN(const std::string key, NewMaskKey());
  TRY_ASSIGN(const auto version, run("SELECT VERSION()"));
  const bool is_mariadb = !version.empty() && version.front().find("MariaDB") != std::string::npos;
  TRY(Prepare(run, key, is_mariadb));
  TRY_ASSIGN(const std::vector<MaskedTable> tables, FindMasked(run, rules));
  if (!tables.empty()) TRY(ExpectNothingKept(run, tables, is_mariadb));
  const std::string database = kMaskDatabase;
  TRY(run("CREATE DATABASE " + database + " CHARACTER SET utf8mb4"));
  for (const std::string& statement : PermutingFunction()) TRY(run(statement));
  Masked masked{std::vector<int64_t>(rules.size(), 0), {}};
  for (const MaskedTable& table : tables) TRY(RewriteTable(run, table, rules, masked));
  if (!tables.empty()) TRY(CheckForeignKeys(run, tables, rules));
  TRY(EmptyLogTables(run));
  TRY(WriteOverOldVersions(run, is_mariadb));
  // A function that a rule calls may have changed a table that had been written before.
  for (const MaskProof& proof : masked.proofs) {
    TRY_ASSIGN(const auto is, run(proof.query));
    if (is.size() != 1 || is.front() != proof.answer) return Fail(proof.otherwise);
  }
  TRY(run("DROP DATABASE " + database));
  return masked.rows;
}

}  // namespace spawnd::engines::mysql_family
