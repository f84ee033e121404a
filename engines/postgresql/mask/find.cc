#include "engines/postgresql/mask/find.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "base/text.h"

namespace spawnd::engines::postgresql {
namespace {

constexpr size_t kMostNamed = 5;

/// A rule's table, as it was written.
struct WrittenTable {
  MaskName schema;  ///< "*", when it names none
  MaskName table;
  bool has_schema = false;
  bool IsPattern() const { return schema.IsPattern() || table.IsPattern(); }
};

/// A relation that a rule's name fits, in one database.
struct Found {
  std::string oid, quoted, schema, table, kind;
  bool is_part = false;  ///< a partition
  std::string attnum;    ///< empty: it has no such column
  MaskedColumn column;
};

Result<WrittenTable> ReadTable(const std::string& text) {
  TRY_ASSIGN(std::vector<MaskName> parts, SplitMaskName(text, '"', 2));
  WrittenTable written;
  written.has_schema = parts.size() == 2;
  written.schema = written.has_schema ? parts.front() : MaskName{"*", false};
  written.table = parts.back();
  return written;
}

Result<MaskName> ReadColumn(const std::string& text) {
  // Patterns are for tables: a character that looks like one is a column's own.
  if (text.empty() || text.front() != '"') {
    return MaskName{text, MaskName{text, false}.IsPattern()};
  }
  TRY_ASSIGN(std::vector<MaskName> parts, SplitMaskName(text, '"', 1));
  return parts.front();
}

/// As SQL takes names: without quotes they mean what is in lower case; here also what is written just so.
std::string Fits(const std::string& what, const MaskName& name) {
  if (name.IsPattern()) return what + " LIKE " + MaskLiteral(LikePattern(name.text));
  if (name.quoted) return what + " = " + MaskLiteral(name.text);
  return what + " IN (" + MaskLiteral(name.text) + ", " + MaskLiteral(LowerCase(name.text)) + ")";
}

std::string Hex(const std::string& text) {
  return "encode(convert_to(" + text + ", 'UTF8'), 'hex')";
}

/// Of a column: under all domains, its type's name, its typmod, and whether any of them is NOT NULL.
constexpr const char* kBaseType = R"sql(
LEFT JOIN LATERAL (
  WITH RECURSIVE d (type, kind, base, typmod, next, required, depth) AS (
    SELECT t.typname::text, t.typtype, t.typbasetype, a.atttypmod, t.typtypmod, t.typnotnull, 0
      FROM pg_type t WHERE t.oid = a.atttypid
    UNION ALL
    SELECT t.typname::text, t.typtype, t.typbasetype, CASE WHEN d.next >= 0 THEN d.next ELSE d.typmod END,
      t.typtypmod, t.typnotnull, d.depth + 1
      FROM d JOIN pg_type t ON t.oid = d.base WHERE d.kind = 'd' AND d.depth < 32)
  SELECT type, typmod, bool_or(required) OVER () AS required FROM d ORDER BY depth DESC LIMIT 1
) AS b ON true)sql";

std::string QueryFor(const WrittenTable& table, const MaskName& column) {
  return "SELECT concat_ws(' ', " + Hex("c.oid::text") + ", " +
         Hex("quote_ident(n.nspname) || '.' || quote_ident(c.relname)") + ", " + Hex("n.nspname::text") +
         ", " + Hex("c.relname::text") + ", " + Hex("c.relkind::text") + ", " +
         Hex("c.relispartition::text") + ", " + Hex("coalesce(a.attnum::text, '')") + ", " +
         Hex("coalesce(a.attname::text, '')") + ", " + Hex("coalesce(quote_ident(a.attname), '')") + ", " +
         Hex("coalesce(b.type, '')") + ", " + Hex("(coalesce(b.typmod, -1) - 4)::text") + ", " +
         Hex("coalesce(format_type(a.atttypid, -1), '')") + ", " +
         Hex("(coalesce(a.attnotnull, false) OR coalesce(b.required, false))::text") + ", " +
         Hex("coalesce(a.attgenerated::text, '')") +
         ") FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
         "LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND " +
         Fits("a.attname", column) + std::string(kBaseType) +
         " WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't' AND n.nspname NOT IN "
         "('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_' AND " +
         Fits("n.nspname", table.schema) + " AND " + Fits("c.relname", table.table) +
         " ORDER BY n.nspname, c.relname, a.attname";
}

Result<std::vector<Found>> Ask(const MaskDatabase& database, const WrittenTable& table,
                               const MaskName& column) {
  TRY_ASSIGN(const auto rows, database.run(QueryFor(table, column)));
  std::vector<Found> all;
  for (const std::string& row : rows) {
    TRY_ASSIGN(const std::vector<std::string> f, HexFields(row, 14));
    Found found{f[0], f[1], f[2], f[3], f[4], f[5] == "true", f[6], {}};
    found.column.name = f[7];
    found.column.quoted = f[8];
    found.column.type = f[9];
    std::from_chars(f[10].data(), f[10].data() + f[10].size(), found.column.length);
    if (found.column.length < 0) found.column.length = -1;
    found.column.cast = f[11];
    found.column.not_null = f[12] == "true";
    found.column.generated = !f[13].empty();
    all.push_back(std::move(found));
  }
  return all;
}

std::string KindInWords(std::string_view kind) {
  if (kind == "v") return "a view";
  if (kind == "m") return "a materialized view";
  return "a foreign table";
}

/// What of its tree has rows: itself, partitions, heirs; the oid and the quoted name of each.
Result<std::vector<std::pair<std::string, std::string>>> TreeOf(const MaskDatabase& database,
                                                                const Found& found) {
  TRY_ASSIGN(const auto rows,
             database.run("WITH RECURSIVE tree (oid) AS (SELECT " + found.oid +
                          "::oid UNION SELECT i.inhrelid FROM tree JOIN pg_inherits i ON i.inhparent = "
                          "tree.oid) SELECT concat_ws(' ', " +
                          Hex("c.oid::text") + ", " +
                          Hex("quote_ident(n.nspname) || '.' || quote_ident(c.relname)") + ", " +
                          Hex("c.relkind::text") +
                          ") FROM tree JOIN pg_class c USING (oid) JOIN pg_namespace n ON n.oid = "
                          "c.relnamespace WHERE c.relkind <> 'p' ORDER BY c.oid"));
  std::vector<std::pair<std::string, std::string>> tree;
  for (const std::string& row : rows) {
    TRY_ASSIGN(const std::vector<std::string> f, HexFields(row, 3));
    if (f[2] != "r") {
      return Fail(
          ErrorCode::kInvalidArgument,
          "'" + f[1] + "', a part of '" + found.schema + "." + found.table + "', is " + KindInWords(f[2]),
          "What another server has cannot be masked here.");
    }
    tree.emplace_back(f[0], f[1]);
  }
  return tree;
}

/// Puts what the rules find together, table by table.
class Finder {
 public:
  Finder(const std::vector<MaskDatabase>& databases, const std::vector<MaskRule>& rules)
      : databases_(databases), rules_(rules), tables_(databases.size()) {}

  Result<TablesOfDatabases> Find() {
    for (size_t rule = 0; rule < rules_.size(); ++rule) {
      if (auto found = FindOne(rule); !found) return Fail(MaskError(rules_[rule].name, found.error()));
    }
    TablesOfDatabases all;
    for (size_t at = 0; at < databases_.size(); ++at) {
      std::vector<MaskedTable> tables;
      for (auto& [oid, table] : tables_[at]) tables.push_back(std::move(table));
      if (!tables.empty()) all.emplace_back(&databases_[at], std::move(tables));
    }
    return all;
  }

 private:
  using Places = std::vector<std::pair<size_t, Found>>;  ///< the database's place, and what is there

  Result<void> FindOne(size_t rule) {
    const MaskRule& wanted = rules_[rule];
    TRY_ASSIGN(const WrittenTable table, ReadTable(wanted.table));
    TRY_ASSIGN(const MaskName column, ReadColumn(wanted.column));
    Places all;
    bool database_known = wanted.database.empty();
    for (size_t at = 0; at < databases_.size(); ++at) {
      if (!wanted.database.empty() && databases_[at].name != wanted.database) continue;
      database_known = true;
      TRY_ASSIGN(std::vector<Found> here, Ask(databases_[at], table, column));
      for (Found& one : here) all.emplace_back(at, std::move(one));
    }
    if (!database_known) {
      return Fail(ErrorCode::kInvalidArgument, "there is no database '" + wanted.database + "'",
                  "There are " + DatabasesInWords() + ".");
    }
    TRY_ASSIGN(const Places chosen, table.IsPattern() && (table.has_schema || table.table.IsPattern())
                                        ? ChooseAll(wanted, all)
                                        : ChooseOne(wanted, table, all));
    for (const auto& [at, found] : chosen) TRY(Add(rule, at, found));
    return {};
  }

  std::string DatabasesInWords() const {
    std::string words;
    for (size_t at = 0; at < databases_.size() && at < kMostNamed; ++at) {
      words += (words.empty() ? "'" : ", '") + databases_[at].name + "'";
    }
    return words.empty() ? "none" : words;
  }

  /// Tables alone, with the column; parts of a table that is itself meant come with it.
  static Result<Places> ChooseAll(const MaskRule& wanted, const Places& all) {
    Places chosen;
    for (const auto& [at, found] : all) {
      const bool table = found.kind == "r" || found.kind == "p";
      if (table && !found.is_part && !found.attnum.empty()) chosen.emplace_back(at, found);
    }
    if (!chosen.empty()) return chosen;
    return Fail(ErrorCode::kInvalidArgument,
                "no table that '" + wanted.table + "' stands for has a column '" + wanted.column + "'");
  }

  Result<Places> ChooseOne(const MaskRule& wanted, const WrittenTable& table, const Places& all) const {
    if (all.empty()) {
      return Fail(ErrorCode::kInvalidArgument, "there is no table '" + wanted.table + "'",
                  "Names are taken as SQL takes them: with capitals, in double quotes; with their schema.");
    }
    Places exact;  // "Users" before "users", when it is written so
    for (const auto& one : all) {
      const bool same = one.second.table == table.table.text &&
                        (!table.has_schema || one.second.schema == table.schema.text);
      if (same) exact.push_back(one);
    }
    const Places& named = exact.empty() ? all : exact;
    const auto& first = named.front();
    for (const auto& one : named) {
      if (one.first == first.first && one.second.oid == first.second.oid) continue;
      return Fail(ErrorCode::kInvalidArgument,
                  "'" + wanted.table + "' is ambiguous: '" + NameOf(first) + "' or '" + NameOf(one) + "'",
                  first.first == one.first ? "Say its schema." : "Say `database:`.");
    }
    if (first.second.kind != "r" && first.second.kind != "p") {
      return Fail(ErrorCode::kInvalidArgument, "'" + NameOf(first) + "' is " + KindInWords(first.second.kind),
                  "Mask the tables that it shows: what is materialized is made of them again.");
    }
    // Of two columns that differ in case, the one that is written so.
    for (const auto& one : named) {
      if (one.second.column.name == wanted.column) return Places{one};
    }
    if (!first.second.attnum.empty()) return Places{first};
    return Fail(ErrorCode::kInvalidArgument,
                "table '" + NameOf(first) + "' has no column '" + wanted.column + "'");
  }

  std::string NameOf(const std::pair<size_t, Found>& one) const {
    const std::string name = one.second.schema + "." + one.second.table;
    return databases_.size() > 1 ? databases_[one.first].name + "/" + name : name;
  }

  /// A partitioned table's rows are rewritten through it, so that each finds its partition; of another one
  /// each heir's by itself.
  Result<void> Add(size_t rule, size_t at, const Found& found) {
    TRY_ASSIGN(const auto tree, TreeOf(databases_[at], found));
    MaskedColumn column = found.column;
    column.rule = rule;
    TRY(MaskExpression(rules_[rule], column));
    for (const auto& [oid, quoted] : tree) TRY(Claim(rule, at, oid, found));
    if (found.kind == "p") {
      MaskedTable& table = tables_[at][found.oid];
      table.quoted = found.quoted;
      table.partitioned = true;
      AddColumn(table, column);
      table.stored.clear();
      for (const auto& [oid, quoted] : tree) table.stored.push_back(quoted);
      return {};
    }
    for (const auto& [oid, quoted] : tree) {
      MaskedTable& table = tables_[at][oid];
      table.quoted = quoted;
      AddColumn(table, column);
      table.stored = {quoted};
    }
    return {};
  }

  /// A pattern may mean a table and its heirs.
  static void AddColumn(MaskedTable& table, const MaskedColumn& column) {
    const auto is_it = [&](const MaskedColumn& one) { return one.name == column.name; };
    if (std::none_of(table.columns.begin(), table.columns.end(), is_it)) table.columns.push_back(column);
  }

  Result<void> Claim(size_t rule, size_t at, const std::string& oid, const Found& found) {
    const auto [claim, is_new] =
        claims_.try_emplace(std::to_string(at) + "/" + oid + "/" + found.column.name, rule);
    if (is_new || claim->second == rule) return {};
    return Fail(ErrorCode::kInvalidArgument,
                "column '" + found.column.name + "' of '" + NameOf({at, found}) + "' has a rule already, " +
                    rules_[claim->second].name,
                "One column has one rule: `rule: sql` with CASE says what is to become of which row.");
  }

  const std::vector<MaskDatabase>& databases_;
  const std::vector<MaskRule>& rules_;
  std::vector<std::map<std::string, MaskedTable>> tables_;  ///< by oid
  std::map<std::string, size_t> claims_;                    ///< column of a table: its rule
};

}  // namespace

Result<TablesOfDatabases> FindMasked(const std::vector<MaskDatabase>& databases,
                                     const std::vector<MaskRule>& rules) {
  return Finder(databases, rules).Find();
}

}  // namespace spawnd::engines::postgresql
