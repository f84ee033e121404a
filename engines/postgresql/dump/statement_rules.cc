#include "engines/postgresql/dump/statement_rules.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"
#include "engines/postgresql/dump/sql_tokens.h"

namespace spawnd::engines::postgresql {
namespace {

using Tokens = std::vector<SqlToken>;

constexpr int kFirstWithGrantOptions = 16;
constexpr int kFirstWithMaintain = 17;
constexpr int kFirstWithParameters = 15;
constexpr size_t kNone = std::string::npos;

constexpr const char* kSubscriptionWarning =
    "a copy must not connect to the publisher; subscriptions that would are left out";

bool OneOf(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}
bool IsAt(const Tokens& tokens, size_t at, std::string_view word) {
  return at < tokens.size() && tokens[at].IsWord(word);
}
size_t Find(const Tokens& tokens, std::string_view word, size_t from = 0) {
  for (size_t i = from; i < tokens.size(); ++i) {
    if (tokens[i].IsWord(word)) return i;
  }
  return kNone;
}
bool IsRoleWord(std::string_view word) {
  return OneOf(word, {"ROLE", "USER", "GROUP"});
}

/// One statement with the rules for it.
class Ruling {
 public:
  Ruling(std::string_view sql, const StatementRules& rules)
      : sql_(sql), rules_(rules), tokens_(TokensOf(sql)), edits_(sql) {}

  RuledStatement Make() {
    // Several in one, which psql sends together.
    const bool joined =
        std::any_of(tokens_.begin(), tokens_.end(), [](const SqlToken& token) { return token.IsSign('\\'); });
    if (!joined && tokens_.size() > 2) Judge();
    if (left_out_) return {LineBreaksOf(sql_), std::move(warnings_)};
    return {replaced_ ? std::move(*replaced_) : edits_.Text(), std::move(warnings_)};
  }

 private:
  void LeaveOut(std::string warning) {
    left_out_ = true;
    warnings_.push_back(std::move(warning));
  }
  void TakeOut(size_t first, size_t last) { edits_.Replace(tokens_[first].begin, tokens_[last].end, ""); }
  bool OlderThan(int major) const {
    return rules_.wishes.server_major > 0 && rules_.wishes.server_major < major;
  }
  static bool IsRoleOfSession(const SqlToken& token) {
    return token.kind == SqlToken::kWord &&
           OneOf(token.text, {"CURRENT_USER", "SESSION_USER", "CURRENT_ROLE"});
  }
  bool IsOwn(const SqlToken& token) const {
    if (IsRoleOfSession(token)) return true;
    return std::find(rules_.own_roles.begin(), rules_.own_roles.end(), NameIn(token)) !=
           rules_.own_roles.end();
  }
  std::string RoleWarning(const SqlToken& role) const {
    return "role \"" + NameIn(role) +
           "\" is the server's superuser here; what the backup says of it is left out";
  }

  void Judge() {
    const std::string& first = tokens_[0].text;
    const std::string& second = tokens_[1].text;
    if (OneOf(first, {"CREATE", "ALTER", "DROP"}) && second == "TABLESPACE")
      return LeaveOut(kTablespaceWarning);
    if (first == "COMMENT" || first == "SECURITY") return JudgeRemark();
    if (first == "SET") return JudgeSetting(1);
    if (first == "GRANT" || first == "REVOKE") return JudgeGrant();
    if (second == "SUBSCRIPTION") return JudgeSubscription();
    if (first == "CREATE" && second == "DATABASE") return JudgeCreateDatabase();
    if (first == "CREATE" && second == "SCHEMA") return JudgeCreateSchema();
    if (first == "ALTER" && second == "DATABASE") return JudgeAlterDatabase();
    if (first == "ALTER" && IsRoleWord(second)) return JudgeAlterRole();
    if (first == "DROP" && IsRoleWord(second)) return JudgeDropRole();
    if (first == "CREATE" || first == "ALTER") return JudgeRelation();
  }

  void JudgeRemark() {
    const size_t on = Find(tokens_, "ON");
    if (on != kNone && IsAt(tokens_, on + 1, "TABLESPACE")) LeaveOut(kTablespaceWarning);
  }

  /// `name = value` at `at`.
  void JudgeSetting(size_t at) {
    if (IsAt(tokens_, at, "SESSION") || IsAt(tokens_, at, "LOCAL")) ++at;
    if (!IsAt(tokens_, at, "DEFAULT_TABLESPACE") && !IsAt(tokens_, at, "TEMP_TABLESPACES")) return;
    const size_t value = ValueAfter(tokens_, at);
    if (value != 0 && !tokens_[value].text.empty() && !tokens_[value].IsWord("DEFAULT"))
      LeaveOut(kTablespaceWarning);
  }

  void JudgeCreateDatabase() {
    RewrittenStatement made = RewriteCreateDatabase(sql_, rules_.wishes, rules_.locale_exists);
    replaced_ = made.sql + made.afterwards;
    warnings_ = std::move(made.warnings);
  }

  /// The role may not be here, and then the schema has to be all the same. Not one that is made with what is
  /// in it. `public` is there, and its owner stays.
  void JudgeCreateSchema() {
    const size_t at = IsAt(tokens_, 2, "IF") ? 5 : 2;
    const bool named = !IsAt(tokens_, at, "AUTHORIZATION");
    const size_t word = named ? at + 1 : at;
    size_t last = tokens_.size() - 1;
    while (last > 0 && tokens_[last].IsSign(';')) --last;
    if (!IsAt(tokens_, word, "AUTHORIZATION") || last != word + 1) return;
    const auto written = [&](size_t token) {
      return std::string(sql_.substr(tokens_[token].begin, tokens_[token].end - tokens_[token].begin));
    };
    const std::string name = written(named ? at : last);
    // Of the word CURRENT_USER the name is not known.
    if (!named && IsRoleOfSession(tokens_[last])) return;
    const std::string breaks = LineBreaksOf(sql_.substr(tokens_[at].begin));
    if (at == 5) {
      replaced_ = SchemaUnlessThere(name, written(last)) + LineBreaksOf(sql_);
      return;
    }
    if (NameIn(tokens_[named ? at : last]) == "public") {
      replaced_ = "CREATE SCHEMA " + name + ";" + LineBreaksOf(sql_);
      return;
    }
    replaced_ = std::string(sql_.substr(0, tokens_[at].begin)) + name + "; ALTER SCHEMA " + name +
                " OWNER TO " + written(last) + ";" + breaks;
  }

  /// One that is there keeps its owner. The names as they are written.
  static std::string SchemaUnlessThere(const std::string& name, const std::string& role) {
    return "DO $spawnd$ BEGIN IF pg_catalog.to_regnamespace(" + QuotedText(name) +
           ") IS NULL THEN CREATE SCHEMA " + name + "; BEGIN ALTER SCHEMA " + name + " OWNER TO " + role +
           "; EXCEPTION WHEN undefined_object THEN RAISE WARNING '%; passed over', SQLERRM; END; END IF; END "
           "$spawnd$;";
  }

  void JudgeAlterDatabase() {
    const std::string name = NameIn(tokens_[2]);
    size_t at = IsAt(tokens_, 3, "WITH") ? 4 : 3;
    if (IsAt(tokens_, at, "SET")) {
      if (IsAt(tokens_, at + 1, "TABLESPACE")) return LeaveOut(kTablespaceWarning);
      return JudgeSetting(at + 1);
    }
    const bool limit = IsAt(tokens_, at, "CONNECTION") && IsAt(tokens_, at + 1, "LIMIT");
    const bool allow = IsAt(tokens_, at, "ALLOW_CONNECTIONS");
    if (!limit && !allow) return;
    const size_t value = ValueAfter(tokens_, limit ? at + 1 : at);
    if (value == 0 || (limit && tokens_[value].text != "0")) return;
    if (OneOf(UpperCase(tokens_[value].text), {"0", "FALSE", "OFF", "NO"}))
      LeaveOut("database '" + name + "' would let nobody in; that is left out");
  }

  void JudgeAlterRole() {
    if (IsAt(tokens_, 2, "MAPPING")) return;
    if (IsOwn(tokens_[2])) return LeaveOut(RoleWarning(tokens_[2]));
    const size_t set = Find(tokens_, "SET", 3);
    if (set != kNone) JudgeSetting(set + 1);
  }

  void JudgeDropRole() {
    if (IsAt(tokens_, 2, "MAPPING")) return;
    const size_t from = IsAt(tokens_, 2, "IF") ? 4 : 2;
    std::string others;
    std::optional<size_t> own;
    for (size_t i = from; i < tokens_.size(); ++i) {
      if (tokens_[i].kind == SqlToken::kOther) continue;
      if (IsOwn(tokens_[i])) {
        own = i;
      } else {
        others += (others.empty() ? "" : ", ") + QuotedName(NameIn(tokens_[i]));
      }
    }
    if (!own) return;
    if (others.empty()) return LeaveOut(RoleWarning(tokens_[*own]));
    warnings_.push_back(RoleWarning(tokens_[*own]));
    replaced_ = "DROP ROLE " + std::string(from == 4 ? "IF EXISTS " : "") + others + ";" + LineBreaksOf(sql_);
  }

  void JudgeGrant() {
    const size_t on = Find(tokens_, "ON");
    if (on == kNone) return JudgeMembership();
    if (IsAt(tokens_, on + 1, "TABLESPACE")) return LeaveOut(kTablespaceWarning);
    if (IsAt(tokens_, on + 1, "PARAMETER") && OlderThan(kFirstWithParameters)) {
      return LeaveOut("grants on parameters are of PostgreSQL 15; they are left out");
    }
    const size_t maintain = Find(tokens_, "MAINTAIN", 1);
    if (maintain == kNone || maintain > on || !OlderThan(kFirstWithMaintain)) return;
    const char* warning = "the privilege MAINTAIN is of PostgreSQL 17; it is left out";
    if (on == 2) return LeaveOut(warning);
    warnings_.emplace_back(warning);
    // With the comma on one of its sides.
    const bool comma_before = tokens_[maintain - 1].IsSign(',');
    TakeOut(comma_before ? maintain - 1 : maintain, comma_before ? maintain : maintain + 1);
  }

  /// `GRANT a TO b WITH ... GRANTED BY c`: who granted it cannot be kept when he is not here, nor, from 16
  /// on, when he may not grant it.
  void JudgeMembership() {
    const size_t granted = Find(tokens_, "GRANTED");
    const bool by = granted != kNone && IsAt(tokens_, granted + 1, "BY") && granted + 2 < tokens_.size();
    const size_t with = Find(tokens_, "WITH");
    if (with != kNone && OlderThan(kFirstWithGrantOptions)) {
      JudgeGrantOptions(with, by ? granted : tokens_.size());
    }
    if (!by || IsOwn(tokens_[granted + 2])) return;
    TakeOut(granted, granted + 2);
    warnings_.emplace_back("who granted a role is not kept (GRANTED BY)");
  }

  /// The options from `with` on, before `end`.
  void JudgeGrantOptions(size_t with, size_t end) {
    bool admin = false;
    bool newer = false;
    while (end > with && tokens_[end - 1].IsSign(';')) --end;
    for (size_t i = with + 1; i + 1 < end; ++i) {
      if (tokens_[i].IsWord("ADMIN") && !tokens_[i + 1].IsWord("FALSE")) admin = true;
      newer = newer || OneOf(tokens_[i].text, {"INHERIT", "SET"}) || !tokens_[i + 1].IsWord("OPTION");
    }
    if (!newer || end < with + 2) return;
    edits_.Replace(tokens_[with].begin, tokens_[end - 1].end, admin ? "WITH ADMIN OPTION" : "");
    warnings_.emplace_back("WITH INHERIT and WITH SET of grants are of PostgreSQL 16; they are left out");
  }

  void JudgeSubscription() {
    const std::string& first = tokens_[0].text;
    if (first == "DROP") return LeaveOut(kSubscriptionWarning);
    if (first == "ALTER") {
      const bool connects =
          OneOf(tokens_.size() > 3 ? tokens_[3].text : "", {"ENABLE", "REFRESH", "ADD", "DROP"}) ||
          (IsAt(tokens_, 3, "SET") && IsAt(tokens_, 4, "PUBLICATION"));
      if (connects) LeaveOut(kSubscriptionWarning);
      return;
    }
    // As pg_dump writes it, it is there and does nothing.
    for (size_t i = Find(tokens_, "WITH", 3); i < tokens_.size(); ++i) {
      if (!tokens_[i].IsWord("CONNECT")) continue;
      const size_t value = ValueAfter(tokens_, i);
      const std::string text = value == 0 ? "" : NameIn(tokens_[value]);
      if (OneOf(text, {"false", "off", "0", "no"})) return;
    }
    LeaveOut(kSubscriptionWarning);
  }

  /// A table, an index, a materialized view: where it lies is said behind its columns, or of an index within.
  void JudgeRelation() {
    if (tokens_[0].text == "ALTER") {
      const size_t all = Find(tokens_, "ALL", 2);
      const bool of_tablespace =
          all <= 3 && IsAt(tokens_, all + 1, "IN") && IsAt(tokens_, all + 2, "TABLESPACE");
      if (of_tablespace) return LeaveOut(kTablespaceWarning);
      const size_t set = Find(tokens_, "SET", 2);
      if (set != kNone && IsAt(tokens_, set + 1, "TABLESPACE") && OnlyOneAction(set)) {
        return LeaveOut(kTablespaceWarning);
      }
    }
    size_t depth = 0;
    for (size_t i = 3; i + 1 < tokens_.size(); ++i) {
      if (tokens_[i].IsSign('(')) ++depth;
      if (tokens_[i].IsSign(')') && depth > 0) --depth;
      // What follows is a query or a condition.
      if (depth == 0 && (tokens_[i].IsWord("AS") || tokens_[i].IsWord("WHERE"))) return;
      if (!tokens_[i].IsWord("TABLESPACE") || tokens_[i + 1].kind == SqlToken::kOther) continue;
      const bool of_index = tokens_[i - 1].IsWord("INDEX") && tokens_[i - 2].IsWord("USING");
      if (!of_index && (depth > 0 || tokens_[0].text == "ALTER")) continue;
      TakeOut(of_index ? i - 2 : i, i + 1);
      if (warnings_.empty()) warnings_.emplace_back(kTablespaceWarning);
    }
  }

  bool OnlyOneAction(size_t from) const {
    return std::none_of(tokens_.begin() + static_cast<std::ptrdiff_t>(from), tokens_.end(),
                        [](const SqlToken& token) { return token.IsSign(','); });
  }

  const std::string_view sql_;
  const StatementRules& rules_;
  const Tokens tokens_;
  SqlEdits edits_;
  bool left_out_ = false;
  std::optional<std::string> replaced_;
  std::vector<std::string> warnings_;
};

}  // namespace

bool MayBeRuled(std::string_view first, std::string_view second) {
  const bool known = second.empty();
  if (first == "CREATE") {
    return known || OneOf(second, {"DATABASE", "SCHEMA", "TABLESPACE", "SUBSCRIPTION", "TABLE", "UNLOGGED",
                                   "INDEX", "UNIQUE", "MATERIALIZED"});
  }
  if (first == "ALTER") {
    return known || OneOf(second, {"DATABASE", "TABLESPACE", "SUBSCRIPTION", "TABLE", "INDEX", "MATERIALIZED",
                                   "ROLE", "USER", "GROUP"});
  }
  if (first == "DROP") return known || OneOf(second, {"TABLESPACE", "SUBSCRIPTION", "ROLE", "USER", "GROUP"});
  if (first == "SET") {
    return known || OneOf(second, {"SESSION", "LOCAL", "DEFAULT_TABLESPACE", "TEMP_TABLESPACES"});
  }
  return OneOf(first, {"GRANT", "REVOKE", "COMMENT", "SECURITY"});
}

RuledStatement ApplyRules(std::string_view sql, const StatementRules& rules) {
  return Ruling(sql, rules).Make();
}

}  // namespace spawnd::engines::postgresql
