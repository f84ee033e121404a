#include "engines/mysql_family/mask/find.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <string_view>
#include <utility>

#include "base/text.h"

namespace spawnd::engines::mysql_family {
namespace {

struct WrittenTable {
  MaskName database;  ///< "*", when it names none
  MaskName table;
  bool has_database = false;
};

struct Found {
  std::string database, table, type, storage;
  bool has_column = false;
  MaskedColumn column;
  std::string Name() const { return database + "." + table; }
};

Result<WrittenTable> ReadTable(const MaskRule& rule) {
  TRY_ASSIGN(std::vector<MaskName> parts, SplitMaskName(rule.table, '`', 2));
  WrittenTable written{{"*", false}, parts.back(), parts.size() == 2};
  if (written.has_database) written.database = parts.front();
  if (rule.database.empty()) return written;
  if (written.has_database && written.database.text != rule.database) {
    return Fail(ErrorCode::kInvalidArgument,
                "`database` says '" + rule.database + "', and `table` '" + written.database.text + "'",
                "Say it once.");
  }
  written.database = {rule.database, true};
  written.has_database = true;
  return written;
}

std::string Fits(const std::string& what, const MaskName& name) {
  if (name.IsPattern()) return what + " LIKE " + MaskLiteral(LikePattern(name.text));
  return what + " = " + MaskLiteral(name.text);
}

std::string Hex(const std::string& text) {
  return "HEX(COALESCE(" + text + ", ''))";
}

Result<std::vector<Found>> Ask(const RunSql& run, const WrittenTable& table, const std::string& column) {
  TRY_ASSIGN(
      const auto rows,
      run("SELECT CONCAT_WS(' ', " + Hex("t.table_schema") + ", " + Hex("t.table_name") + ", " +
          Hex("t.table_type") + ", " + Hex("t.engine") + ", " + Hex("c.column_name") + ", " +
          Hex("c.data_type") + ", " + Hex("c.column_type") + ", " +
          Hex("CAST(c.character_maximum_length AS CHAR)") + ", " + Hex("c.collation_name") + ", " +
          Hex("c.is_nullable") + ", " + Hex("c.generation_expression") +
          ") FROM information_schema.tables t LEFT JOIN information_schema.columns c ON c.table_schema = "
          "t.table_schema AND c.table_name = t.table_name AND c.column_name = " +
          MaskLiteral(column) +
          " WHERE t.table_schema NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys') AND "
          "t.table_type <> 'TEMPORARY' AND " +
          Fits("t.table_schema", table.database) + " AND " + Fits("t.table_name", table.table) +
          " ORDER BY t.table_schema, t.table_name"));
  std::vector<Found> all;
  for (const std::string& row : rows) {
    TRY_ASSIGN(const std::vector<std::string> f, HexFields(row, 11));
    Found found{f[0], f[1], f[2], UpperCase(f[3]), !f[4].empty(), {}};
    found.column.name = f[4];
    found.column.type = LowerCase(f[5]);
    found.column.full = LowerCase(f[6]);
    std::from_chars(f[7].data(), f[7].data() + f[7].size(), found.column.length);
    found.column.ignores_case = f[8].find("_ci") != std::string::npos;
    found.column.not_null = f[9] == "NO";
    found.column.generated = !f[10].empty();
    all.push_back(std::move(found));
  }
  return all;
}

/// Old rows are looked for in a table's own file, which is made anew.
Result<void> CheckKind(const Found& found) {
  const std::string name = "'" + found.Name() + "' ";
  if (found.type.find("VIEW") != std::string::npos) {
    return Fail(ErrorCode::kInvalidArgument, name + "is a view", "Mask the tables that it shows.");
  }
  if (found.type != "BASE TABLE") {
    return Fail(ErrorCode::kInvalidArgument,
                name + "is a table that keeps its history (" + LowerCase(found.type) + ")",
                "Take that away in `postScript`: `ALTER TABLE ... DROP SYSTEM VERSIONING`.");
  }
  constexpr std::array<std::string_view, 3> kStorages{"INNODB", "MYISAM", "MEMORY"};
  if (std::find(kStorages.begin(), kStorages.end(), found.storage) != kStorages.end()) return {};
  return Fail(
      ErrorCode::kInvalidArgument,
      name + "is a table of storage engine " + found.storage + ", which may keep rows that were deleted",
      "Make it one of InnoDB in `postScript`: `ALTER TABLE ... ENGINE=InnoDB`.");
}

class Finder {
 public:
  Finder(const RunSql& run, const std::vector<MaskRule>& rules) : run_(run), rules_(rules) {}

  Result<std::vector<MaskedTable>> Find() {
    for (size_t rule = 0; rule < rules_.size(); ++rule) {
      if (auto found = FindOne(rule); !found) return Fail(MaskError(rules_[rule].name, found.error()));
    }
    std::vector<MaskedTable> all;
    for (auto& [name, table] : tables_) all.push_back(std::move(table));
    return all;
  }

 private:
  Result<void> FindOne(size_t rule) {
    const MaskRule& wanted = rules_[rule];
    TRY_ASSIGN(const WrittenTable table, ReadTable(wanted));
    TRY_ASSIGN(const std::string column, ColumnOf(wanted));
    TRY_ASSIGN(const std::vector<Found> all, Ask(run_, table, column));
    const bool pattern = table.table.IsPattern() || (table.has_database && table.database.IsPattern());
    TRY_ASSIGN(const std::vector<Found> chosen,
               pattern ? ChooseAll(wanted, all) : ChooseOne(wanted, table, all));
    for (const Found& found : chosen) TRY(Add(rule, found));
    return {};
  }

  static Result<std::string> ColumnOf(const MaskRule& rule) {
    if (rule.column.front() != '`') return rule.column;
    TRY_ASSIGN(const std::vector<MaskName> parts, SplitMaskName(rule.column, '`', 1));
    return parts.front().text;
  }

  static Result<std::vector<Found>> ChooseAll(const MaskRule& wanted, const std::vector<Found>& all) {
    std::vector<Found> chosen;
    for (const Found& found : all) {
      const bool view = found.type.find("VIEW") != std::string::npos;
      if (!view && found.has_column) chosen.push_back(found);
    }
    if (!chosen.empty()) return chosen;
    return Fail(ErrorCode::kInvalidArgument,
                "no table that '" + wanted.table + "' stands for has a column '" + wanted.column + "'");
  }

  static Result<std::vector<Found>> ChooseOne(const MaskRule& wanted, const WrittenTable& table,
                                              const std::vector<Found>& all) {
    // A server may compare names without regard to case, and have both.
    std::vector<Found> named;
    for (const Found& found : all) {
      if (found.table == table.table.text) named.push_back(found);
    }
    if (named.empty()) named = all;
    if (named.empty()) {
      return Fail(ErrorCode::kInvalidArgument, "there is no table '" + wanted.table + "'",
                  table.has_database ? "" : "With its database it is 'database.table'.");
    }
    if (named.size() > 1) {
      return Fail(
          ErrorCode::kInvalidArgument,
          "'" + wanted.table + "' is ambiguous: '" + named[0].Name() + "' or '" + named[1].Name() + "'",
          "Say `database:`.");
    }
    TRY(CheckKind(named.front()));
    if (named.front().has_column) return named;
    return Fail(ErrorCode::kInvalidArgument,
                "table '" + named.front().Name() + "' has no column '" + wanted.column + "'");
  }

  Result<void> Add(size_t rule, const Found& found) {
    TRY(CheckKind(found));
    MaskedTable& table = tables_[found.Name()];
    table.database = found.database;
    table.name = found.table;
    for (const MaskedColumn& one : table.columns) {
      if (one.name != found.column.name) continue;
      return Fail(
          ErrorCode::kInvalidArgument,
          "column '" + one.name + "' of '" + found.Name() + "' has a rule already, " + rules_[one.rule].name,
          "One column has one rule: `rule: sql` with CASE says what is to become of which row.");
    }
    MaskedColumn column = found.column;
    column.rule = rule;
    TRY(MaskExpression(rules_[rule], column));
    table.columns.push_back(std::move(column));
    return {};
  }

  const RunSql& run_;
  const std::vector<MaskRule>& rules_;
  std::map<std::string, MaskedTable> tables_;
};

}  // namespace

Result<std::vector<MaskedTable>> FindMasked(const RunSql& run, const std::vector<MaskRule>& rules) {
  return Finder(run, rules).Find();
}

std::string RulesOf(const MaskedTable& table, const std::vector<MaskRule>& rules) {
  std::string names;
  for (const MaskedColumn& column : table.columns) {
    names += (names.empty() ? "" : ", ") + rules[column.rule].name;
  }
  return names;
}

}  // namespace spawnd::engines::mysql_family
