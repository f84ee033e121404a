#include "engines/postgresql/dump/copy_guard.h"

#include <vector>

#include "engines/postgresql/dump/sql_tokens.h"

namespace spawnd::engines::postgresql {
namespace {

std::string NameOf(const std::vector<SqlToken>& tokens, size_t& at) {
  std::string name;
  while (at < tokens.size() &&
         (tokens[at].kind == SqlToken::kWord || tokens[at].kind == SqlToken::kQuotedName)) {
    name += QuotedName(NameIn(tokens[at++]));
    if (at >= tokens.size() || !tokens[at].IsSign('.')) break;
    name += '.';
    ++at;
  }
  return name;
}

}  // namespace

std::string CopyGuard(std::string_view sql) {
  const std::vector<SqlToken> tokens = TokensOf(sql);
  if (tokens.size() < 4 || !tokens[0].IsWord("COPY")) return {};
  size_t at = 1;
  const std::string table = NameOf(tokens, at);
  std::string columns;
  std::string quoted_columns;
  size_t count = 0;
  if (at < tokens.size() && tokens[at].IsSign('(')) {
    for (++at; at < tokens.size() && !tokens[at].IsSign(')'); ++at) {
      if (tokens[at].IsSign(',')) continue;
      columns += (count == 0 ? "" : ", ") + QuotedName(NameIn(tokens[at]));
      quoted_columns += (count == 0 ? "" : ", ") + QuotedText(NameIn(tokens[at]));
      ++count;
    }
    ++at;
  }
  const bool from_stdin =
      at + 1 < tokens.size() && tokens[at].IsWord("FROM") && tokens[at + 1].IsWord("STDIN");
  if (table.empty() || !from_stdin) return {};
  const size_t end = sql.find_last_not_of("; \t\r\n") + 1;
  std::string there = "pg_catalog.to_regclass(" + QuotedText(table) + ") IS NOT NULL";
  if (count > 0) {
    there +=
        " AND (SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute WHERE attrelid = "
        "pg_catalog.to_regclass(" +
        QuotedText(table) + ") AND attname IN (" + quoted_columns +
        ") AND attnum > 0 AND NOT attisdropped) = " + std::to_string(count);
  }
  const std::string instead = "SELECT " + (columns.empty() ? "*" : columns) + " FROM " + table +
                              " LIMIT 0; CREATE TEMPORARY TABLE IF NOT EXISTS spawnd_left_out (line text); "
                              "COPY pg_temp.spawnd_left_out FROM stdin WITH (DELIMITER E'\\x01', NULL '')";
  return "SELECT CASE WHEN " + there + " THEN " + QuotedText(sql.substr(0, end)) + " ELSE " +
         QuotedText(instead) + " END AS spawnd_copy";
}

}  // namespace spawnd::engines::postgresql
