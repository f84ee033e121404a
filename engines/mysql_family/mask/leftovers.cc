#include "engines/mysql_family/mask/leftovers.h"

#include <algorithm>
#include <charconv>
#include <set>

namespace spawnd::engines::mysql_family {
namespace {

/// For old versions of rows to be purged, a tenth of a second each: what a restore left may be long.
constexpr int kTries = 36'000;

/// Transactions whose old versions take several pages. A server has at most 128 segments for those, which
/// take turns, and keeps the last page of each for the next transaction when it has one page alone.
constexpr int kTransactions = 256;
constexpr int kRowsOfEach = 4;
/// Of one row that is written over and over; it fits into a page with its like.
constexpr int kRowBytes = 7000;
/// Bytes that one statement writes to the log at least.
constexpr int64_t kPieceBytes = int64_t{2} << 20;

std::string Hex(const std::string& text) {
  return "HEX(COALESCE(" + text + ", ''))";
}

Result<std::string> First(const RunSql& run, const std::string& sql) {
  TRY_ASSIGN(const auto rows, run(sql));
  return rows.empty() ? std::string() : rows.front();
}

int64_t NumberIn(const std::string& text) {
  int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

/// "(schema, table, column) IN (...)"
std::string IsMasked(const std::string& schema, const std::string& table, const std::string& column,
                     const std::vector<MaskedTable>& tables) {
  std::string list;
  for (const MaskedTable& one : tables) {
    for (const MaskedColumn& masked : one.columns) {
      list += (list.empty() ? "(" : ", (") + MaskLiteral(one.database) + ", " + MaskLiteral(one.name) + ", " +
              MaskLiteral(masked.name) + ")";
    }
  }
  return "(" + schema + ", " + table + ", " + column + ") IN (" + list + ")";
}

std::string QueryForKeys(const std::vector<MaskedTable>& tables) {
  const auto identifier = [](const std::string& side, const std::string& column) {
    return "'" + side + ".`', REPLACE(" + column + ", '`', '``'), '`'";
  };
  const std::string child = identifier("c", "k.column_name");
  const std::string parent = identifier("p", "k.referenced_column_name");
  return "SELECT CONCAT_WS(' ', " + Hex("k.constraint_name") + ", " + Hex("k.table_schema") + ", " +
         Hex("k.table_name") + ", " + Hex("k.referenced_table_schema") + ", " +
         Hex("k.referenced_table_name") + ", " +
         Hex("GROUP_CONCAT(CONCAT(" + child + ", ' IS NOT NULL') SEPARATOR ' AND ')") + ", " +
         Hex("GROUP_CONCAT(CONCAT(" + parent + ", ' = ', " + child + ") SEPARATOR ' AND ')") +
         ") FROM information_schema.key_column_usage k WHERE k.referenced_table_name IS NOT NULL GROUP BY "
         "k.constraint_schema, k.constraint_name, k.table_schema, k.table_name, k.referenced_table_schema, "
         "k.referenced_table_name HAVING SUM(IF(" +
         IsMasked("k.table_schema", "k.table_name", "k.column_name", tables) + " OR " +
         IsMasked("k.referenced_table_schema", "k.referenced_table_name", "k.referenced_column_name",
                  tables) +
         ", 1, 0)) > 0";
}

/// Those files that hold old versions of rows are made anew, one after the other, while another one serves.
Result<void> RenewUndoFiles(const RunSql& run) {
  TRY(run("CREATE UNDO TABLESPACE spawnd_mask ADD DATAFILE 'spawnd_mask.ibu'"));
  TRY_ASSIGN(const auto files,
             run("SELECT name FROM information_schema.innodb_tablespaces WHERE space_type = "
                 "'Undo' AND name <> 'spawnd_mask'"));
  const auto empty = [&run](const std::string& name) -> Result<void> {
    TRY(run("ALTER UNDO TABLESPACE " + MaskIdentifier(name) + " SET INACTIVE"));
    for (int tries = 0; tries < kTries; ++tries) {
      TRY_ASSIGN(const std::string state, First(run,
                                                "SELECT state FROM information_schema.innodb_tablespaces "
                                                "WHERE name = " +
                                                    MaskLiteral(name)));
      if (state == "empty") return {};
      TRY(run("SELECT SLEEP(0.1)"));
    }
    return Fail(ErrorCode::kTimeout,
                "the server does not empty '" + name + "', which has old versions of rows");
  };
  for (const std::string& name : files) {
    TRY(empty(name));
    TRY(run("ALTER UNDO TABLESPACE " + MaskIdentifier(name) + " SET ACTIVE"));
  }
  TRY(empty("spawnd_mask"));
  return run("DROP UNDO TABLESPACE spawnd_mask").map([](const auto&) {});
}

/// How much the redo log holds at most.
Result<int64_t> LogBytes(const RunSql& run, bool is_mariadb) {
  if (!is_mariadb) {
    TRY_ASSIGN(const auto rows, run("SHOW GLOBAL VARIABLES LIKE 'innodb_redo_log_capacity'"));
    // The second column is the value, and one that cannot be asked for is an older server's.
    if (!rows.empty()) {
      TRY_ASSIGN(const std::string bytes, First(run, "SELECT @@GLOBAL.innodb_redo_log_capacity"));
      return NumberIn(bytes);
    }
  }
  TRY_ASSIGN(const std::string bytes, First(run, "SELECT @@GLOBAL.innodb_log_file_size"));
  TRY_ASSIGN(const auto in_group, run("SHOW GLOBAL VARIABLES LIKE 'innodb_log_files_in_group'"));
  int64_t files = 1;
  if (!in_group.empty()) {
    TRY_ASSIGN(const std::string count, First(run, "SELECT @@GLOBAL.innodb_log_files_in_group"));
    files = std::max<int64_t>(1, NumberIn(count));
  }
  return NumberIn(bytes) * files;
}

Result<void> FillLog(const RunSql& run, int64_t log_bytes) {
  TRY(run("CREATE TABLE " + std::string(kMaskDatabase) +
          ".pieces (id INT PRIMARY KEY, a LONGBLOB) ENGINE=InnoDB"));
  const std::string piece = "REPEAT(SHA2(RAND(), 512), " + std::to_string(kPieceBytes / 128) + ")";
  for (int64_t written = 0; written < log_bytes + log_bytes / 4 + kPieceBytes; written += kPieceBytes) {
    TRY(run("REPLACE INTO " + std::string(kMaskDatabase) + ".pieces VALUES (1, " + piece + ")"));
  }
  return run("DROP TABLE " + std::string(kMaskDatabase) + ".pieces").map([](const auto&) {});
}

Result<void> FillUndo(const RunSql& run) {
  const std::string table = std::string(kMaskDatabase) + ".turns";
  TRY(run("CREATE TABLE " + table + " (id INT PRIMARY KEY, a VARCHAR(" + std::to_string(kRowBytes) +
          ") CHARACTER SET latin1) ENGINE=InnoDB"));
  for (int row = 0; row < kRowsOfEach; ++row) {
    TRY(run("INSERT INTO " + table + " VALUES (" + std::to_string(row) + ", REPEAT('-', " +
            std::to_string(kRowBytes) + "))"));
  }
  for (int turn = 0; turn < kTransactions; ++turn) {
    TRY(run("UPDATE " + table + " SET a = REPEAT('" + std::string(turn % 2 == 0 ? "+" : "-") + "', " +
            std::to_string(kRowBytes) + ")"));
  }
  return run("DROP TABLE " + table).map([](const auto&) {});
}

}  // namespace

Result<void> ExpectNothingKept(const RunSql& run, const std::vector<MaskedTable>& tables, bool is_mariadb) {
  TRY_ASSIGN(
      const auto shared,
      run(is_mariadb
              ? "SELECT name FROM information_schema.innodb_sys_tables WHERE space = 0 AND name LIKE "
                "'%/%' LIMIT 1"
              : "SELECT name FROM information_schema.innodb_tables WHERE space_type <> 'Single' AND name "
                "LIKE '%/%' AND name NOT LIKE 'mysql/%' LIMIT 1"));
  if (!shared.empty()) {
    return Fail(
        ErrorCode::kInvalidArgument,
        "table '" + shared.front() + "' is in a file that several tables share, in which old rows stay",
        "Leave innodb_file_per_table on, and TABLESPACE out of the dump.");
  }
  const std::string statistics =
      is_mariadb ? "mysql.column_stats WHERE " + IsMasked("db_name", "table_name", "column_name", tables)
                 : "information_schema.column_statistics WHERE " +
                       IsMasked("schema_name", "table_name", "column_name", tables);
  TRY_ASSIGN(const auto known, run("SELECT table_name FROM " + statistics + " LIMIT 1"));
  if (known.empty()) return {};
  return Fail(
      ErrorCode::kInvalidArgument,
      "the server has statistics of the values of masked columns of table '" + known.front() +
          "', which would stay",
      "Leave ANALYZE TABLE ... UPDATE HISTOGRAM (mysqldump --column-statistics=0) or PERSISTENT out of the "
      "backup and the scripts.");
}

Result<void> CheckForeignKeys(const RunSql& run, const std::vector<MaskedTable>& tables,
                              const std::vector<MaskRule>& rules) {
  TRY_ASSIGN(const auto keys, run(QueryForKeys(tables)));
  for (const std::string& row : keys) {
    TRY_ASSIGN(const std::vector<std::string> k, HexFields(row, 7));
    const std::string child = MaskIdentifier(k[1]) + "." + MaskIdentifier(k[2]);
    const std::string parent = MaskIdentifier(k[3]) + "." + MaskIdentifier(k[4]);
    TRY_ASSIGN(const auto lost,
               run("SELECT 1 FROM " + child + " c WHERE " + k[5] + " AND NOT EXISTS (SELECT 1 FROM " +
                   parent + " p WHERE " + k[6] + ") LIMIT 1"));
    if (lost.empty()) continue;
    std::string names;
    for (const MaskedTable& table : tables) {
      if (table.Quoted() != child && table.Quoted() != parent) continue;
      names += (names.empty() ? "" : ", ") + RulesOf(table, rules);
    }
    return Fail(ErrorCode::kInvalidArgument,
                (names.empty() ? "" : names + ": ") + "foreign key '" + k[0] + "' of " + child + " to " +
                    parent + " does not hold any more",
                "Mask both of its sides with `rule: hash`: the same value comes to the same one.");
  }
  return {};
}

Result<void> EmptyLogTables(const RunSql& run) {
  TRY_ASSIGN(const auto logs,
             run("SELECT table_name FROM information_schema.tables WHERE table_schema = 'mysql' AND "
                 "table_name IN ('general_log', 'slow_log') AND table_type = 'BASE TABLE'"));
  for (const std::string& log : logs) TRY(run("TRUNCATE TABLE mysql." + MaskIdentifier(log)));
  return {};
}

Result<void> WriteOverOldVersions(const RunSql& run, bool is_mariadb) {
  if (!is_mariadb) TRY(RenewUndoFiles(run));
  TRY(FillUndo(run));
  TRY_ASSIGN(const int64_t bytes, LogBytes(run, is_mariadb));
  return FillLog(run, bytes);
}

}  // namespace spawnd::engines::mysql_family
