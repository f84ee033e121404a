#include "engines/postgresql/mask/rewrite.h"

#include <charconv>
#include <string>
#include <utility>

namespace spawnd::engines::postgresql {
namespace {

/// Names that no table of anybody's has beside its own.
constexpr const char* kCopy = "pg_temp.\"spawnd masked\"";
constexpr const char* kRowNumber = "\"spawnd row\"";

std::string Hit(size_t column) {
  return "\"spawnd hit " + std::to_string(column) + "\"";
}

class Rewrite {
 public:
  Rewrite(const RunSql& run, const MaskedTable& table, const std::vector<MaskRule>& rules)
      : run_(run), table_(table), rules_(rules) {}

  Result<void> All(Masked& masked) {
    TRY(run_("BEGIN"));
    TRY(run_("LOCK TABLE " + table_.quoted + " IN ACCESS EXCLUSIVE MODE"));
    TRY(ReadColumns());
    TRY(MakeCopy());
    for (size_t at = 0; at < table_.columns.size(); ++at) {
      TRY_ASSIGN(const int64_t rows,
                 Count("SELECT count(*) FROM " + std::string(kCopy) + " WHERE " + Hit(at)));
      masked.rows[table_.columns[at].rule] += rows;
      if (RuleOf(at).kind == MaskKind::kShuffle) TRY(Shuffle(at));
    }
    TRY(Silence());
    TRY(run_("DELETE FROM " + From()));
    TRY(ExpectNone("SELECT 1 FROM " + From() + " LIMIT 1", "its rows cannot be taken out of it"));
    TRY(run_("INSERT INTO " + table_.quoted + " (" + names_ + ") OVERRIDING SYSTEM VALUE SELECT " + names_ +
             " FROM " + kCopy + " ORDER BY " + kRowNumber));
    for (size_t at = 0; at < table_.columns.size(); ++at) TRY(Compare(at, masked.proofs));
    for (const std::string& statement : to_speak_again_) TRY(run_(statement));
    TRY(run_("DROP TABLE " + std::string(kCopy)));
    TRY(run_("COMMIT"));
    for (const std::string& stored : table_.stored) TRY(run_("VACUUM FULL " + stored));
    return {};
  }

 private:
  const MaskRule& RuleOf(size_t column) const { return rules_[table_.columns[column].rule]; }

  std::string From() const { return (table_.partitioned ? "" : "ONLY ") + table_.quoted; }

  Result<int64_t> Count(const std::string& sql) {
    TRY_ASSIGN(const auto rows, run_(sql));
    int64_t count = -1;
    if (!rows.empty()) {
      std::from_chars(rows.front().data(), rows.front().data() + rows.front().size(), count);
    }
    if (count < 0) return Fail(ErrorCode::kInternal, "the server does not count");
    return count;
  }

  Result<void> ExpectNone(const std::string& query, const std::string& otherwise) {
    TRY_ASSIGN(const auto rows, run_(query));
    if (rows.empty()) return {};
    return Fail(ErrorCode::kInvalidArgument,
                "table " + table_.quoted + ": " + otherwise + ": " + rows.front());
  }

  std::string Oids() const {
    return "(WITH RECURSIVE tree (oid) AS (SELECT " + MaskLiteral(table_.quoted) +
           "::regclass::oid UNION SELECT i.inhrelid FROM tree JOIN pg_inherits i ON i.inhparent = tree.oid"
           " WHERE " +
           (table_.partitioned ? "true" : "false") + ") SELECT oid FROM tree)";
  }

  /// Its columns but those that are generated, and how they are declared.
  Result<void> ReadColumns() {
    const std::string where = " FROM pg_attribute WHERE attrelid = " + MaskLiteral(table_.quoted) +
                              "::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' "
                              "ORDER BY attnum";
    TRY_ASSIGN(columns_, run_("SELECT quote_ident(attname)" + where));
    TRY_ASSIGN(const auto types, run_("SELECT format_type(atttypid, atttypmod)" + where));
    if (columns_.empty() || types.size() != columns_.size()) {
      return Fail(ErrorCode::kInternal, "the server does not know the columns of " + table_.quoted);
    }
    for (size_t i = 0; i < columns_.size(); ++i) {
      names_ += (i == 0 ? "" : ", ") + columns_[i];
      declarations_ += columns_[i] + " " + types[i] + ", ";
    }
    return {};
  }

  /// What stands for the column in the copy: itself, or what its rule makes of it where that counts.
  Result<std::string> ValueOf(const std::string& column) {
    const std::string itself = std::string(kMaskRow) + "." + column;
    for (size_t at = 0; at < table_.columns.size(); ++at) {
      if (table_.columns[at].quoted != column) continue;
      TRY_ASSIGN(const std::string masked, MaskExpression(RuleOf(at), table_.columns[at]));
      if (RuleOf(at).where.empty()) return masked;
      return "CASE WHEN " + ConditionOf(at) + " THEN " + masked + " ELSE " + itself + " END";
    }
    return itself;
  }

  /// Of the row as it was, whatever the rules make of it.
  std::string ConditionOf(size_t column) const {
    const std::string& where = RuleOf(column).where;
    return where.empty() ? "true" : "coalesce((" + where + "\n), false)";
  }

  /// With the table's own types, so that what does not fit is found here.
  Result<void> MakeCopy() {
    std::string hits;
    std::string hit_names;
    std::string hit_values;
    for (size_t at = 0; at < table_.columns.size(); ++at) {
      hits += Hit(at) + " boolean NOT NULL, ";
      hit_names += ", " + Hit(at);
      hit_values += ", " + ConditionOf(at);
    }
    TRY(run_("CREATE TEMPORARY TABLE \"spawnd masked\" (" + declarations_ + hits + kRowNumber + " bigint)"));
    std::string values;
    for (const std::string& column : columns_) {
      TRY_ASSIGN(const std::string value, ValueOf(column));
      values += (values.empty() ? "" : ", ") + value;
    }
    TRY(run_("INSERT INTO " + std::string(kCopy) + " (" + names_ + hit_names + ", " + kRowNumber +
             ") SELECT " + values + hit_values + ", row_number() OVER () FROM " + From() + " AS " +
             kMaskRow));
    return {};
  }

  /// In an order that nobody knows without the key.
  Result<void> Shuffle(size_t at) {
    const std::string& column = table_.columns[at].quoted;
    const std::string copy = kCopy;
    const std::string hit = " FROM " + copy + " WHERE " + Hit(at);
    const std::string order = "sha256(convert_to(current_setting('" + std::string(kMaskKeySetting) +
                              "') || '/" + MaskOrderName(at) + "/' || " + kRowNumber + ", 'UTF8'))";
    TRY(run_("UPDATE " + copy + " AS m SET " + column + " = s.v FROM (SELECT a.target, b.v FROM (SELECT " +
             kRowNumber + " AS target, row_number() OVER (ORDER BY " + kRowNumber + ") AS n" + hit +
             ") AS a JOIN (SELECT " + column + " AS v, row_number() OVER (ORDER BY " + order + ") AS n" +
             hit + ") AS b USING (n)) AS s WHERE m." + kRowNumber + " = s.target"));
    return {};
  }

  std::string MaskOrderName(size_t at) const { return std::to_string(table_.columns[at].rule); }

  /// Nothing of the table's own acts on what is done here: neither what copies old values elsewhere nor what
  /// puts them back. As it was, it is again afterwards.
  Result<void> Silence() {
    const std::string tables = Oids();
    TRY(Take(
        "SELECT format('ALTER TABLE ONLY %s DISABLE TRIGGER %I', tgrelid::regclass, tgname) FROM pg_trigger "
        "WHERE tgrelid IN " +
            tables +
            " AND (tgenabled IN ('A', 'R') OR (tgenabled = 'O' AND NOT "
            "tgisinternal)) ORDER BY oid",
        "SELECT format('ALTER TABLE ONLY %s ENABLE %s TRIGGER %I', tgrelid::regclass, CASE tgenabled WHEN "
        "'A' "
        "THEN 'ALWAYS' WHEN 'R' THEN 'REPLICA' ELSE '' END, tgname) FROM pg_trigger WHERE tgrelid IN " +
            tables +
            " AND (tgenabled IN ('A', 'R') OR (tgenabled = 'O' AND NOT tgisinternal)) ORDER BY oid"));
    TRY(Take(
        "SELECT format('ALTER TABLE %s DISABLE RULE %I', ev_class::regclass, rulename) FROM pg_rewrite "
        "WHERE ev_class IN " +
            tables + " AND ev_enabled <> 'D' AND ev_type <> '1' ORDER BY oid",
        "SELECT format('ALTER TABLE %s ENABLE %s RULE %I', ev_class::regclass, CASE ev_enabled WHEN 'A' "
        "THEN 'ALWAYS' WHEN 'R' THEN 'REPLICA' ELSE '' END, rulename) FROM pg_rewrite WHERE ev_class IN " +
            tables + " AND ev_enabled <> 'D' AND ev_type <> '1' ORDER BY oid"));
    TRY(SilencePublications());
    return ExpectNone(
        "SELECT tgname FROM pg_trigger WHERE tgrelid IN " + tables +
            " AND (tgenabled IN ('A', 'R') OR (tgenabled = 'O' AND NOT tgisinternal)) UNION ALL "
            "SELECT rulename FROM pg_rewrite WHERE ev_class IN " +
            tables + " AND ev_enabled <> 'D' AND ev_type <> '1'",
        "a trigger or a rule of it cannot be kept from acting");
  }

  /// Of a table without a key, which a publication of deletes has, no row may be deleted.
  Result<void> SilencePublications() {
    return Take(
        "SELECT format('ALTER PUBLICATION %I SET (publish = ''insert'')', pubname) FROM pg_publication "
        "WHERE pubdelete ORDER BY oid",
        "SELECT format('ALTER PUBLICATION %I SET (publish = %L)', pubname, concat_ws(', ', CASE WHEN "
        "pubinsert THEN 'insert' END, CASE WHEN pubupdate THEN 'update' END, 'delete', CASE WHEN pubtruncate "
        "THEN 'truncate' END)) FROM pg_publication WHERE pubdelete ORDER BY oid");
  }

  /// Runs what the first query answers with, and remembers what the second does.
  Result<void> Take(const std::string& now, const std::string& later) {
    TRY_ASSIGN(const auto statements, run_(now));
    TRY_ASSIGN(const auto afterwards, run_(later));
    for (const std::string& statement : statements) TRY(run_(statement));
    to_speak_again_.insert(to_speak_again_.end(), afterwards.begin(), afterwards.end());
    return {};
  }

  /// That the column has what was meant for it. Of a type of the dump's own, concat() asks its output
  /// function, and a cast to text could be any function.
  Result<void> Compare(size_t at, std::vector<MaskProof>& proofs) {
    const std::string& column = table_.columns[at].quoted;
    const std::string what = "SELECT concat_ws(' ', count(*), count(" + column +
                             "), coalesce(sum(hashtextextended(concat(" + column +
                             ") COLLATE \"C\", 0)::numeric), 0)) FROM ";
    TRY_ASSIGN(const auto meant, run_(what + kCopy));
    TRY_ASSIGN(const auto is, run_(what + From()));
    Error otherwise = MaskError(
        RuleOf(at).name, {ErrorCode::kInvalidArgument,
                          "column '" + table_.columns[at].name + "' of " + table_.quoted +
                              " does not hold what was written into it",
                          "Something in the database changes what is written: it cannot be masked so."});
    if (meant.empty() || meant != is) return Fail(std::move(otherwise));
    proofs.push_back({"", what + From(), meant.front(), std::move(otherwise)});
    return {};
  }

  const RunSql& run_;
  const MaskedTable& table_;
  const std::vector<MaskRule>& rules_;
  std::vector<std::string> columns_;  ///< quoted
  std::string names_;
  std::string declarations_;
  std::vector<std::string> to_speak_again_;
};

}  // namespace

std::string RulesOf(const MaskedTable& table, const std::vector<MaskRule>& rules) {
  std::string names;
  for (const MaskedColumn& column : table.columns) {
    names += (names.empty() ? "" : ", ") + rules[column.rule].name;
  }
  return names;
}

Result<void> RewriteTable(const RunSql& run, const MaskedTable& table, const std::vector<MaskRule>& rules,
                          Masked& masked) {
  auto rewritten = Rewrite(run, table, rules).All(masked);
  if (rewritten) return rewritten;
  const std::string names = RulesOf(table, rules);
  if (rewritten.error().message.find("mask rule '") == 0) return rewritten;
  return Fail(MaskError(names, rewritten.error()));
}

}  // namespace spawnd::engines::postgresql
