#include "engines/postgresql/dump/role_statement.h"

#include <algorithm>
#include <vector>

#include "engines/postgresql/dump/sql_tokens.h"

namespace spawnd::engines::postgresql {
namespace {

using Tokens = std::vector<SqlToken>;

bool IsOneOf(const Tokens& tokens, size_t at, std::initializer_list<std::string_view> words) {
  return at < tokens.size() && tokens[at].kind == SqlToken::kWord &&
         std::find(words.begin(), words.end(), tokens[at].text) != words.end();
}

/// `ALTER ... OWNER TO joe` and no other action: ALTER TABLE takes several.
bool ChangesOwnerOnly(const Tokens& tokens) {
  const size_t size = tokens.size();
  if (size < 5 || !tokens[size - 2].IsWord("TO") || !tokens[size - 3].IsWord("OWNER")) return false;
  size_t depth = 0;
  for (const SqlToken& token : tokens) {
    if (token.IsSign('(')) ++depth;
    if (token.IsSign(')') && depth > 0) --depth;
    if (depth == 0 && token.IsSign(',')) return false;
  }
  return true;
}

/// `tokens`: of one statement, without its semicolon.
bool IsOneOfRoles(const Tokens& tokens) {
  if (IsOneOf(tokens, 0, {"GRANT", "REVOKE", "REASSIGN", "COMMENT", "SECURITY"})) return true;
  if (IsOneOf(tokens, 0, {"SET"})) {
    const size_t name = IsOneOf(tokens, 1, {"LOCAL", "SESSION"}) && tokens.size() > 3 ? 2 : 1;
    return IsOneOf(tokens, name, {"ROLE", "AUTHORIZATION"}) ||
           (IsOneOf(tokens, name, {"SESSION"}) && IsOneOf(tokens, name + 1, {"AUTHORIZATION"}));
  }
  if (IsOneOf(tokens, 0, {"DROP"})) return IsOneOf(tokens, 1, {"ROLE", "USER", "GROUP", "OWNED", "POLICY"});
  if (IsOneOf(tokens, 0, {"CREATE"})) {
    return IsOneOf(tokens, 1, {"POLICY"}) ||
           (IsOneOf(tokens, 1, {"USER"}) && IsOneOf(tokens, 2, {"MAPPING"}));
  }
  if (!IsOneOf(tokens, 0, {"ALTER"})) return false;
  if (IsOneOf(tokens, 1, {"ROLE", "USER", "GROUP", "POLICY"})) return true;
  if (IsOneOf(tokens, 1, {"DEFAULT"})) return IsOneOf(tokens, 2, {"PRIVILEGES"});
  const bool sets_role =
      IsOneOf(tokens, 1, {"DATABASE"}) && IsOneOf(tokens, 3, {"SET"}) && IsOneOf(tokens, 4, {"ROLE"});
  return sets_role || ChangesOwnerOnly(tokens);
}

/// Whether more words could make it one.
bool MayBecomeOneOfRoles(const Tokens& tokens) {
  if (tokens.empty() || IsOneOf(tokens, 0, {"ALTER"})) return true;
  return tokens.size() < 4 && IsOneOf(tokens, 0, {"SET", "DROP", "CREATE"});
}

}  // namespace

OfRoles StandingOf(std::string_view text) {
  Tokens statement;
  bool any = false;
  for (SqlToken& token : TokensOf(text)) {
    if (!token.IsSign(';')) {
      statement.push_back(std::move(token));
      continue;
    }
    if (!statement.empty() && !IsOneOfRoles(statement)) return OfRoles::kNo;
    any = any || !statement.empty();
    statement.clear();
  }
  if (statement.empty()) return any ? OfRoles::kYes : OfRoles::kOpen;
  return IsOneOfRoles(statement) || MayBecomeOneOfRoles(statement) ? OfRoles::kOpen : OfRoles::kNo;
}

bool IsOfRoles(std::string_view text) {
  // A comment at the end may hide the semicolon, not the line break.
  return StandingOf(std::string(text) + "\n;") == OfRoles::kYes;
}

bool IsWholeStatement(std::string_view text) {
  const Tokens tokens = TokensOf(text);
  return !tokens.empty() && tokens.back().IsSign(';');
}

bool MakesSchemaWithElements(std::string_view text) {
  const Tokens tokens = TokensOf(text);
  if (!IsOneOf(tokens, 0, {"CREATE"}) || !IsOneOf(tokens, 1, {"SCHEMA"})) return false;
  for (size_t i = 2; i < tokens.size(); ++i) {
    if (IsOneOf(tokens, i, {"CREATE", "GRANT"})) return true;
  }
  return false;
}

}  // namespace spawnd::engines::postgresql
