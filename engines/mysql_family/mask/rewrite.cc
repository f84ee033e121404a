#include "engines/mysql_family/mask/rewrite.h"

#include <charconv>
#include <string>
#include <utility>

namespace spawnd::engines::mysql_family {
namespace {

constexpr const char* kRowNumber = "`spawnd row`";

std::string Hit(size_t column) {
  return "`spawnd hit " + std::to_string(column) + "`";
}

std::string Hex(const std::string& text) {
  return "HEX(COALESCE(" + text + ", ''))";
}

class Rewrite {
 public:
  Rewrite(const RunSql& run, const MaskedTable& table, const std::vector<MaskRule>& rules)
      : run_(run),
        table_(table),
        rules_(rules),
        quoted_(table.Quoted()),
        copy_(std::string(kMaskDatabase) + ".`rows`") {}

  Result<void> All(Masked& masked) {
    TRY(ReadColumns());
    TRY_ASSIGN(const int64_t before, Count("SELECT COUNT(*) FROM " + quoted_));
    TRY(MakeCopy());
    for (size_t at = 0; at < table_.columns.size(); ++at) {
      TRY_ASSIGN(const int64_t rows, Count("SELECT COUNT(*) FROM " + copy_ + " WHERE " + Hit(at)));
      masked.rows[table_.columns[at].rule] += rows;
      if (RuleOf(at).kind == MaskKind::kShuffle) TRY(Shuffle(at));
    }
    TRY_ASSIGN(const std::string next_number, AutoIncrement());
    TRY(TakeTriggersAway());
    TRY(run_("TRUNCATE TABLE " + quoted_));
    TRY(run_("INSERT INTO " + quoted_ + " (" + names_ + ") SELECT " + names_ + " FROM " + copy_ +
             " ORDER BY " + kRowNumber));
    TRY_ASSIGN(const int64_t after, Count("SELECT COUNT(*) FROM " + quoted_));
    if (before != after) {
      return Fail(ErrorCode::kInternal, "of " + std::to_string(before) + " rows of " + quoted_ +
                                            " there are " + std::to_string(after) + " again");
    }
    for (size_t at = 0; at < table_.columns.size(); ++at) TRY(Compare(at, masked.proofs));
    if (!next_number.empty()) TRY(run_("ALTER TABLE " + quoted_ + " AUTO_INCREMENT = " + next_number));
    for (const std::string& statement : triggers_) TRY(run_(statement));
    TRY(run_(kMaskMode));
    TRY(run_("DROP TABLE " + copy_));
    return {};
  }

 private:
  const MaskRule& RuleOf(size_t column) const { return rules_[table_.columns[column].rule]; }

  std::string Where(const std::string& schema, const std::string& table) const {
    return schema + " = " + MaskLiteral(table_.database) + " AND " + table + " = " + MaskLiteral(table_.name);
  }

  Result<int64_t> Count(const std::string& sql) {
    TRY_ASSIGN(const auto rows, run_(sql));
    int64_t count = -1;
    if (!rows.empty()) {
      std::from_chars(rows.front().data(), rows.front().data() + rows.front().size(), count);
    }
    if (count < 0) return Fail(ErrorCode::kInternal, "the server does not count");
    return count;
  }

  /// Its columns but those that are generated.
  Result<void> ReadColumns() {
    TRY_ASSIGN(const auto rows,
               run_("SELECT CONCAT_WS(' ', " + Hex("column_name") + ", " + Hex("extra") +
                    ") FROM information_schema.columns WHERE " + Where("table_schema", "table_name") +
                    " AND COALESCE(generation_expression, '') = '' ORDER BY ordinal_position"));
    for (const std::string& row : rows) {
      TRY_ASSIGN(const std::vector<std::string> fields, HexFields(row, 2));
      columns_.push_back(fields[0]);
      names_ += (names_.empty() ? "" : ", ") + MaskIdentifier(fields[0]);
      if (fields[1].find("on update") != std::string::npos) {
        kept_ += ", m." + MaskIdentifier(fields[0]) + " = m." + MaskIdentifier(fields[0]);
      }
    }
    if (columns_.empty())
      return Fail(ErrorCode::kInternal, "the server does not know the columns of " + quoted_);
    return {};
  }

  /// Of the row as it was, whatever the rules make of it.
  std::string ConditionOf(size_t column) const {
    const std::string& where = RuleOf(column).where;
    return where.empty() ? "1" : "IF((" + where + "\n), 1, 0)";
  }

  Result<std::string> ValueOf(const std::string& column) {
    const std::string itself = std::string(kMaskRow) + "." + MaskIdentifier(column);
    for (size_t at = 0; at < table_.columns.size(); ++at) {
      if (table_.columns[at].name != column) continue;
      TRY_ASSIGN(const std::string masked, MaskExpression(RuleOf(at), table_.columns[at]));
      if (RuleOf(at).where.empty()) return masked;
      return "IF(" + ConditionOf(at) + ", " + masked + ", " + itself + ")";
    }
    return itself;
  }

  /// With the table's own types, so that what does not fit is found here.
  Result<void> MakeCopy() {
    std::string hit_columns;
    std::string hit_names;
    std::string hit_values;
    for (size_t at = 0; at < table_.columns.size(); ++at) {
      hit_columns += ", CAST(0 AS UNSIGNED) AS " + Hit(at);
      hit_names += ", " + Hit(at);
      hit_values += ", " + ConditionOf(at);
    }
    TRY(run_("CREATE TABLE " + copy_ + " ENGINE=InnoDB AS SELECT " + names_ + hit_columns +
             ", CAST(0 AS UNSIGNED) AS " + kRowNumber + " FROM " + quoted_ + " LIMIT 0"));
    std::string values;
    for (const std::string& column : columns_) {
      TRY_ASSIGN(const std::string value, ValueOf(column));
      values += (values.empty() ? "" : ", ") + value;
    }
    TRY(run_("INSERT INTO " + copy_ + " (" + names_ + hit_names + ", " + kRowNumber + ") SELECT " + values +
             hit_values + ", ROW_NUMBER() OVER () FROM " + quoted_ + " AS " + kMaskRow));
    return {};
  }

  /// In an order that nobody knows without the key.
  Result<void> Shuffle(size_t at) {
    const std::string column = MaskIdentifier(table_.columns[at].name);
    const std::string hit = " FROM " + copy_ + " WHERE " + Hit(at);
    const std::string order = "SHA2(CONCAT(" + std::string(kMaskKeyVariable) + ", '/" +
                              std::to_string(table_.columns[at].rule) + "/', " + kRowNumber + "), 256)";
    TRY(run_("UPDATE " + copy_ + " AS m JOIN (SELECT a.target, b.v FROM (SELECT " + kRowNumber +
             " AS target, ROW_NUMBER() OVER (ORDER BY " + kRowNumber + ") AS n" + hit +
             ") AS a JOIN (SELECT " + column + " AS v, ROW_NUMBER() OVER (ORDER BY " + order + ") AS n" +
             hit + ") AS b ON a.n = b.n) AS s ON m." + kRowNumber + " = s.target SET m." + column + " = s.v" +
             kept_));
    return {};
  }

  /// The number that the next row would get; empty: it numbers none.
  Result<std::string> AutoIncrement() {
    TRY_ASSIGN(const auto rows,
               run_("SELECT COALESCE(auto_increment, '') FROM information_schema.tables WHERE " +
                    Where("table_schema", "table_name")));
    return rows.empty() ? std::string() : rows.front();
  }

  Result<void> TakeTriggersAway() {
    TRY_ASSIGN(const auto rows,
               run_("SELECT CONCAT_WS(' ', " + Hex("trigger_name") + ", " + Hex("action_timing") + ", " +
                    Hex("event_manipulation") + ", " + Hex("definer") + ", " + Hex("sql_mode") + ", " +
                    Hex("collation_connection") + ", " + Hex("action_statement") +
                    ") FROM information_schema.triggers WHERE " +
                    Where("event_object_schema", "event_object_table") +
                    " ORDER BY event_manipulation, action_timing, action_order"));
    for (const std::string& row : rows) {
      TRY_ASSIGN(const std::vector<std::string> f, HexFields(row, 7));
      const std::string name = MaskIdentifier(table_.database) + "." + MaskIdentifier(f[0]);
      const size_t at = f[3].rfind('@');
      triggers_.push_back("SET SESSION sql_mode = " + MaskLiteral(f[4]) +
                          ", collation_connection = " + MaskLiteral(f[5]));
      triggers_.push_back("CREATE DEFINER = " + MaskIdentifier(f[3].substr(0, at)) + "@" +
                          MaskIdentifier(at == std::string::npos ? "%" : f[3].substr(at + 1)) + " TRIGGER " +
                          name + " " + f[1] + " " + f[2] + " ON " + quoted_ + " FOR EACH ROW " + f[6]);
      TRY(run_("DROP TRIGGER " + name));
    }
    if (!triggers_.empty()) triggers_.emplace_back("SET NAMES utf8mb4");
    TRY_ASSIGN(const int64_t left, Count("SELECT COUNT(*) FROM information_schema.triggers WHERE " +
                                         Where("event_object_schema", "event_object_table")));
    if (left == 0) return {};
    return Fail(ErrorCode::kInvalidArgument, "a trigger of " + quoted_ + " cannot be kept from firing");
  }

  /// That the column has what was meant for it.
  Result<void> Compare(size_t at, std::vector<MaskProof>& proofs) {
    const std::string column = MaskIdentifier(table_.columns[at].name);
    const std::string what = "SELECT CONCAT_WS(' ', COUNT(*), COUNT(" + column +
                             "), COALESCE(SUM(CRC32(CAST(" + column + " AS BINARY))), 0)) FROM ";
    TRY_ASSIGN(const auto meant, run_(what + copy_));
    TRY_ASSIGN(const auto is, run_(what + quoted_));
    Error otherwise{
        ErrorCode::kInvalidArgument,
        "column '" + table_.columns[at].name + "' of " + quoted_ + " does not hold what was written into it",
        "A function that a rule calls may change it: it cannot be masked so."};
    if (meant.empty() || meant != is) return Fail(std::move(otherwise));
    proofs.push_back({"", what + quoted_, meant.front(), MaskError(RuleOf(at).name, otherwise)});
    return {};
  }

  const RunSql& run_;
  const MaskedTable& table_;
  const std::vector<MaskRule>& rules_;
  const std::string quoted_;
  const std::string copy_;
  std::vector<std::string> columns_;
  std::string names_;                  ///< of them, quoted
  std::string kept_;                   ///< ", m.`at` = m.`at`": of columns that an update would change
  std::vector<std::string> triggers_;  ///< statements that make them again
};

}  // namespace

Result<void> RewriteTable(const RunSql& run, const MaskedTable& table, const std::vector<MaskRule>& rules,
                          Masked& masked) {
  auto rewritten = Rewrite(run, table, rules).All(masked);
  if (rewritten) return rewritten;
  return Fail(MaskError(RulesOf(table, rules), rewritten.error()));
}

}  // namespace spawnd::engines::mysql_family
