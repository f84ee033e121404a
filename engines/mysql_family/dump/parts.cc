#include "engines/mysql_family/dump/parts.h"

#include <cctype>
#include <optional>

namespace spawnd::engines::mysql_family {
namespace {

/// What a statement is about.
struct Subject {
  enum class Kind {
    kUnknown,  ///< more words are needed
    kNone,     ///< no table
    kTable,    ///< its structure, indexes, triggers, locks; a view
    kRows,
    kOther,  ///< routines and events
  };
  Kind kind = Kind::kNone;
  ObjectName name{};
};

using Kind = Subject::Kind;

Subject Named(const Statement& statement, size_t word, Kind kind) {
  ObjectName name = NameAt(statement, word);
  return {name.name.empty() ? Kind::kUnknown : kind, std::move(name)};
}

size_t Skip(const Statement& statement, size_t word, const std::vector<std::string_view>& words) {
  while (statement.IsOneOf(word, words)) ++word;
  return word;
}

/// "CREATE OR REPLACE ALGORITHM=MERGE SQL SECURITY DEFINER VIEW v AS"; DROP is simpler.
Subject OfMaking(const Statement& statement) {
  for (size_t i = 1; i < statement.words.size(); ++i) {
    if (statement.IsOneOf(i, {"TABLE", "TABLES", "VIEW", "SEQUENCE"})) {
      return Named(statement, Skip(statement, i + 1, {"IF", "NOT", "EXISTS"}), Kind::kTable);
    }
    if (statement.IsOneOf(i, {"TRIGGER", "INDEX"})) {
      // A trigger is dropped without its table's name, and only before it is made.
      if (statement.Is(0, "DROP") && statement.Is(i, "TRIGGER")) return {};
      const size_t on = statement.Find("ON", i);
      if (on == statement.words.size()) return {Kind::kUnknown};
      return Named(statement, on + 1, Kind::kTable);
    }
    if (statement.IsOneOf(i, {"PROCEDURE", "FUNCTION", "EVENT", "PACKAGE"})) return {Kind::kOther};
    if (statement.IsOneOf(i, {"DATABASE", "SCHEMA", "USER", "ROLE", "SERVER", "TABLESPACE", "LOGFILE"}))
      return {};
  }
  return {Kind::kUnknown};
}

Subject SubjectOf(const Statement& statement) {
  if (statement.IsOneOf(0, {"INSERT", "REPLACE"})) {
    return Named(statement,
                 Skip(statement, 1, {"LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE", "INTO"}),
                 Kind::kRows);
  }
  if (statement.IsOneOf(0, {"CREATE", "DROP"})) return OfMaking(statement);
  if (statement.Is(0, "UPDATE"))
    return Named(statement, Skip(statement, 1, {"LOW_PRIORITY", "IGNORE"}), Kind::kRows);
  if (statement.IsOneOf(0, {"ALTER", "LOCK", "TRUNCATE", "ANALYZE", "OPTIMIZE"})) {
    if (statement.words.size() < 2) return {Kind::kUnknown};
    const size_t word = Skip(statement, 1, {"IGNORE", "LOCAL"});
    if (statement.IsOneOf(word, {"TABLE", "TABLES", "VIEW", "SEQUENCE"}))
      return Named(statement, word + 1, Kind::kTable);
    return statement.words.size() > word ? Subject{} : Subject{Kind::kUnknown};
  }
  // Where a sequence of MariaDB's stands is its row.
  if (statement.IsOneOf(0, {"DO", "SELECT"})) {
    if (statement.words.size() < 2) return {Kind::kUnknown};
    return statement.Is(1, "SETVAL") ? Named(statement, 2, Kind::kRows) : Subject{};
  }
  if (statement.IsOneOf(0, {"DELETE", "LOAD"})) {
    const size_t at = statement.Find(statement.Is(0, "DELETE") ? "FROM" : "TABLE");
    return at == statement.words.size() ? Subject{Kind::kUnknown} : Named(statement, at + 1, Kind::kRows);
  }
  return {};
}

char Lower(char c) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

}  // namespace

bool MatchesPattern(std::string_view pattern, std::string_view text) {
  size_t p = 0;
  size_t t = 0;
  size_t star = std::string_view::npos;
  size_t after = 0;  // what of the text the star does not take yet
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      after = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || Lower(pattern[p]) == Lower(text[t]))) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++after;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::vector<Parts::Pattern> Parts::From(const std::vector<std::string>& texts) {
  std::vector<Pattern> patterns;
  for (const std::string& text : texts) patterns.push_back({text});
  return patterns;
}

Parts::Parts(const RestoreOptions& options)
    : active_(options.TakesParts()),
      schema_only_(options.schema_only),
      tables_(From(options.tables)),
      exclude_tables_(From(options.exclude_tables)),
      exclude_data_(From(options.exclude_data)) {}

bool Parts::Matches(std::vector<Pattern>& patterns, const ObjectName& name, const std::string& database) {
  const std::string qualified = (name.database.empty() ? database : name.database) + "." + name.name;
  bool any = false;
  for (Pattern& pattern : patterns) {
    if (!MatchesPattern(pattern.text, name.name) && !MatchesPattern(pattern.text, qualified)) continue;
    pattern.matched = true;
    any = true;
  }
  return any;
}

Parts::Answer Parts::Judge(const Statement& statement, const std::string& database, bool ended) {
  if (!active_) return Answer::kPass;
  const Subject subject = SubjectOf(statement);
  if (subject.kind == Kind::kUnknown || (!subject.name.name.empty() && !subject.name.whole && !ended)) {
    return ended || statement.words.size() >= Statement::kMaxWords ? Answer::kPass : Answer::kUndecided;
  }
  if (subject.kind == Kind::kNone) return Answer::kPass;
  if (subject.kind == Kind::kOther) return tables_.empty() ? Answer::kPass : Answer::kDrop;
  if (!tables_.empty() && !Matches(tables_, subject.name, database)) return Answer::kDrop;
  if (Matches(exclude_tables_, subject.name, database)) return Answer::kDrop;
  const bool rows_excluded = Matches(exclude_data_, subject.name, database);
  return subject.kind == Kind::kRows && (schema_only_ || rows_excluded) ? Answer::kDrop : Answer::kPass;
}

Result<void> Parts::CheckEnd(const std::string& name, RestoreWarnings& warnings) const {
  for (const Pattern& pattern : tables_) {
    if (pattern.matched) continue;
    return Fail(ErrorCode::kInvalidArgument,
                "'" + name + "' has no table '" + pattern.text + "', which `tables:` names",
                "A name as it is in the dump, database.name, or a pattern with * and ?.");
  }
  for (const auto& [patterns, key] :
       {std::pair(&exclude_tables_, "excludeTables"), std::pair(&exclude_data_, "excludeData")}) {
    for (const Pattern& pattern : *patterns) {
      if (!pattern.matched)
        warnings.Add("there is no table '" + pattern.text + "', which `" + key + ":` names");
    }
  }
  return {};
}

}  // namespace spawnd::engines::mysql_family
