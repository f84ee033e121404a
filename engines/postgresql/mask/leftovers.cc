#include "engines/postgresql/mask/leftovers.h"

#include <set>

namespace spawnd::engines::postgresql {
namespace {

/// For those who are sent away to be gone, a tenth of a second each.
constexpr int kTries = 100;

std::string Hex(const std::string& text) {
  return "encode(convert_to(" + text + ", 'UTF8'), 'hex')";
}

/// Objects of pg_catalog that initdb did not make so. What it makes has numbers below 16384 and was written
/// by one of its first transactions: at most the 362nd (18.4), but for PL/pgSQL's functions, and what a
/// restore does comes behind the 480th. A function more counts when it could be taken for one that is used
/// here.
constexpr const char* kChanged = R"sql(
SELECT 'function ' || p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace AND
  ((p.oid < 16384 AND p.xmin::text::int8 > 450 AND p.proname !~ '^plpgsql_') OR (p.oid >= 16384 AND p.proname IN
  ('sha256', 'encode', 'decode', 'convert_to', 'current_setting', 'getdatabaseencoding', 'left', 'right', 'translate',
   'lower', 'char_length', 'isfinite', 'date_part', 'extract', 'count', 'sum', 'row_number', 'hashtextextended',
   'concat', 'concat_ws', 'format', 'quote_ident', 'string_agg', 'set_config')))
UNION ALL SELECT 'aggregate ' || a.aggfnoid::regprocedure FROM pg_aggregate a
  WHERE a.aggfnoid::oid < 16384 AND a.xmin::text::int8 > 450
UNION ALL SELECT 'operator ' || o.oid::regoperator FROM pg_operator o WHERE o.oprnamespace = 'pg_catalog'::regnamespace
  AND (o.oid >= 16384 OR o.xmin::text::int8 > 450)
UNION ALL SELECT 'cast of ' || c.castsource::regtype || ' to ' || c.casttarget::regtype FROM pg_cast c
  WHERE c.castsource < 16384 AND c.casttarget < 16384 AND (c.oid >= 16384 OR c.xmin::text::int8 > 450)
UNION ALL SELECT 'type ' || t.oid::regtype FROM pg_type t WHERE t.typnamespace = 'pg_catalog'::regnamespace
  AND t.oid < 16384 AND t.xmin::text::int8 > 450
LIMIT 1)sql";

/// Foreign keys that count, of or to one of these columns, which is a condition on pg_attribute: for each its
/// name, its table, and a query for a row that refers to none. A key of a partition is that of its table.
std::string QueryForKeys(const std::string& columns) {
  const std::string equal =
      "(SELECT string_agg(format('p.%I OPERATOR(%I.%s) c.%I', pa.attname, opn.nspname, op.oprname, "
      "ca.attname), "
      "' AND ') FROM unnest(k.conkey, k.confkey, k.conpfeqop) AS u (ck, pk, o) "
      "JOIN pg_attribute ca ON ca.attrelid = k.conrelid AND ca.attnum = u.ck "
      "JOIN pg_attribute pa ON pa.attrelid = k.confrelid AND pa.attnum = u.pk "
      "JOIN pg_operator op ON op.oid = u.o JOIN pg_namespace opn ON opn.oid = op.oprnamespace)";
  const std::string present =
      "(SELECT string_agg(format('c.%I IS NOT NULL', ca.attname), ' AND ') FROM unnest(k.conkey) AS u (ck) "
      "JOIN "
      "pg_attribute ca ON ca.attrelid = k.conrelid AND ca.attnum = u.ck)";
  return "SELECT concat_ws(' ', " + Hex("k.conname::text") + ", " + Hex("k.conrelid::regclass::text") + ", " +
         Hex("k.confrelid::regclass::text") + ", " +
         Hex("format('SELECT 1 FROM %s AS c WHERE %s AND NOT EXISTS (SELECT FROM %s AS p WHERE %s) LIMIT 1', "
             "k.conrelid::regclass, " +
             present + ", k.confrelid::regclass, " + equal + ")") +
         ") FROM pg_constraint k WHERE k.contype = 'f' AND k.convalidated AND k.conparentid = 0 AND EXISTS "
         "(SELECT FROM pg_attribute a WHERE ((a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)) OR "
         "(a.attrelid = k.confrelid AND a.attnum = ANY (k.confkey))) AND (" +
         columns + ")) ORDER BY k.oid";
}

/// Masked columns of the tables, and of all that they are parts of.
std::string ColumnsOf(const std::vector<MaskedTable>& tables) {
  std::string columns;
  for (const MaskedTable& table : tables) {
    for (const MaskedColumn& column : table.columns) {
      columns +=
          (columns.empty() ? "" : " OR ") + ("(a.attname = " + MaskLiteral(column.name)) +
          " AND a.attrelid IN (WITH RECURSIVE up (oid) AS (SELECT " + MaskLiteral(table.quoted) +
          "::regclass::oid UNION SELECT i.inhparent FROM up JOIN pg_inherits i ON i.inhrelid = up.oid) "
          "SELECT oid FROM up))";
    }
  }
  return columns;
}

}  // namespace

Result<void> ExpectServersOwn(const RunSql& run) {
  TRY_ASSIGN(const auto changed, run(kChanged));
  if (changed.empty()) return {};
  return Fail(
      ErrorCode::kInvalidArgument,
      "the backup changes what is the server's own (" + changed.front() + "), by which columns are masked",
      "Take it out of the backup and the scripts.");
}

Result<void> ExpectNobodyElse(const RunSql& run) {
  const std::string others =
      " FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND (backend_xmin IS NOT NULL "
      "OR backend_xid IS NOT NULL)";
  TRY(run("SELECT pg_terminate_backend(pid)" + others));
  for (int tries = 0; tries < kTries; ++tries) {
    TRY_ASSIGN(const auto left, run("SELECT backend_type" + others));
    if (left.empty()) break;
    if (tries + 1 == kTries) {
      return Fail(
          ErrorCode::kUnsupported,
          "a process of the server's own (" + left.front() + ") does not let go of the rows as they were",
          "Take what starts it (shared_preload_libraries) out of `settings` and of ALTER SYSTEM.");
    }
    TRY(run("SELECT pg_sleep(0.1)"));
  }
  TRY_ASSIGN(const auto prepared, run("SELECT gid FROM pg_prepared_xacts LIMIT 1"));
  if (!prepared.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "the backup has a prepared transaction ('" + prepared.front() +
                    "'), for which the server keeps the rows as they were",
                "End it in `postScript`: `ROLLBACK PREPARED '...'`.");
  }
  TRY_ASSIGN(const auto slots, run("SELECT slot_name FROM pg_replication_slots"));
  for (const std::string& slot : slots)
    TRY(run("SELECT pg_drop_replication_slot(" + MaskLiteral(slot) + ")"));
  return {};
}

Result<void> CheckForeignKeys(const RunSql& run, const std::vector<MaskedTable>& tables,
                              const std::vector<MaskRule>& rules) {
  TRY_ASSIGN(const auto keys, run(QueryForKeys(ColumnsOf(tables))));
  for (const std::string& row : keys) {
    TRY_ASSIGN(const std::vector<std::string> key, HexFields(row, 4));
    TRY_ASSIGN(const auto lost, run(key[3]));
    if (lost.empty()) continue;
    std::string names;
    std::set<size_t> said;
    for (const MaskedTable& table : tables) {
      const bool concerned = table.quoted == key[1] || table.quoted == key[2];
      for (const MaskedColumn& column : table.columns) {
        if (!concerned || !said.insert(column.rule).second) continue;
        names += (names.empty() ? "" : ", ") + rules[column.rule].name;
      }
    }
    return Fail(ErrorCode::kInvalidArgument,
                (names.empty() ? "" : names + ": ") + "foreign key '" + key[0] + "' of " + key[1] + " to " +
                    key[2] + " does not hold any more",
                "Mask both of its sides with `rule: hash`: the same value comes to the same one.");
  }
  return {};
}

Result<void> RenewWhatWasMadeOfThem(const RunSql& run) {
  // In the order in which they were made: none is made of a later one.
  TRY_ASSIGN(const auto views, run("SELECT oid::regclass::text FROM pg_class WHERE relkind = 'm' AND "
                                   "relispopulated ORDER BY oid"));
  for (const std::string& view : views) {
    auto renewed = run("REFRESH MATERIALIZED VIEW " + view);
    if (renewed) continue;
    Error error = MaskError("materialized view " + view + " cannot be made of masked rows", renewed.error());
    error.hint = "It still has what was in them before: drop it in `postScript`, or REFRESH it WITH NO DATA.";
    return Fail(std::move(error));
  }
  for (const char* table : {"pg_catalog.pg_statistic", "pg_catalog.pg_statistic_ext_data"}) {
    TRY(run(std::string("DELETE FROM ") + table));
    TRY(run(std::string("VACUUM FULL ") + table));
  }
  return {};
}

Result<void> GiveUpLog(const RunSql& run) {
  TRY(run("SELECT pg_switch_wal()"));
  TRY(run("CHECKPOINT"));
  TRY_ASSIGN(const auto kept, run("SELECT name FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$' AND name <> "
                                  "pg_walfile_name(pg_current_wal_lsn()) ORDER BY name LIMIT 1"));
  if (kept.empty()) return {};
  return Fail(
      ErrorCode::kUnsupported,
      "the server keeps its log, in which the values are that were masked (" + kept.front() + ")",
      "Leave wal_recycle, wal_keep_size, min_wal_size and archive_mode out of `settings` and of ALTER "
      "SYSTEM.");
}

}  // namespace spawnd::engines::postgresql
