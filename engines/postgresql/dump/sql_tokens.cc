#include "engines/postgresql/dump/sql_tokens.h"

#include <algorithm>
#include <cctype>

#include "base/text.h"

namespace spawnd::engines::postgresql {
namespace {

bool IsWordChar(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$' ||
         (static_cast<unsigned char>(c) & 0x80U) != 0;
}

SqlToken QuotedToken(std::string_view sql, size_t begin, bool escapes) {
  const char quote = sql[begin];
  SqlToken token{quote == '\'' ? SqlToken::kLiteral : SqlToken::kQuotedName, begin, begin + 1, {}};
  while (token.end < sql.size()) {
    const char c = sql[token.end++];
    if (escapes && c == '\\' && token.end < sql.size()) {
      token.text += sql[token.end++];
    } else if (c != quote) {
      token.text += c;
    } else if (token.end < sql.size() && sql[token.end] == quote) {
      token.text += sql[token.end++];
    } else {
      break;
    }
  }
  return token;
}

SqlToken WordToken(std::string_view sql, size_t begin) {
  SqlToken token{SqlToken::kWord, begin, begin, {}};
  while (token.end < sql.size() && IsWordChar(sql[token.end])) {
    token.text += static_cast<char>(std::toupper(static_cast<unsigned char>(sql[token.end++])));
  }
  return token;
}

/// The length of `$tag$` at `begin`; 0 when there is none.
size_t DollarTag(std::string_view sql, size_t begin) {
  size_t end = begin + 1;
  if (end < sql.size() && std::isdigit(static_cast<unsigned char>(sql[end])) != 0) return 0;
  while (end < sql.size() && sql[end] != '$' && IsWordChar(sql[end])) ++end;
  return end < sql.size() && sql[end] == '$' ? end + 1 - begin : 0;
}

/// Where a comment that begins at `at` ends; `at` when there is none. Those of several lines nest.
size_t CommentEnd(std::string_view sql, size_t at) {
  if (sql.substr(at, 2) == "--") return std::min(sql.size(), sql.find('\n', at));
  if (sql.substr(at, 2) != "/*") return at;
  int depth = 0;
  while (at < sql.size()) {
    const std::string_view two = sql.substr(at, 2);
    if (two == "/*" || two == "*/") {
      depth += two == "/*" ? 1 : -1;
      at += 2;
      if (depth == 0) return at;
    } else {
      ++at;
    }
  }
  return sql.size();
}

std::string Quoted(std::string_view text, char quote) {
  std::string quoted(1, quote);
  for (const char c : text) quoted.append(c == quote ? 2 : 1, c);
  return quoted + quote;
}

}  // namespace

std::vector<SqlToken> TokensOf(std::string_view sql) {
  std::vector<SqlToken> tokens;
  for (size_t i = 0; i < sql.size();) {
    const char c = sql[i];
    if (const size_t end = CommentEnd(sql, i); end > i) {
      i = end;
      continue;
    }
    if (c == '\'' || c == '"') {
      const bool escapes =
          c == '\'' && !tokens.empty() && tokens.back().end == i && tokens.back().IsWord("E");
      tokens.push_back(QuotedToken(sql, i, escapes));
    } else if (const size_t tag = c == '$' ? DollarTag(sql, i) : 0; tag > 0) {
      const size_t body_end = std::min(sql.size(), sql.find(sql.substr(i, tag), i + tag));
      tokens.push_back({SqlToken::kLiteral, i, std::min(sql.size(), body_end + tag),
                        std::string(sql.substr(i + tag, body_end - i - tag))});
    } else if (IsWordChar(c)) {
      tokens.push_back(WordToken(sql, i));
    } else {
      if (std::isspace(static_cast<unsigned char>(c)) == 0)
        tokens.push_back({SqlToken::kOther, i, i + 1, std::string(1, c)});
      ++i;
      continue;
    }
    i = tokens.back().end;
  }
  return tokens;
}

size_t ValueAfter(const std::vector<SqlToken>& tokens, size_t word) {
  size_t at = word + 1;
  if (at < tokens.size() && (tokens[at].IsSign('=') || tokens[at].IsWord("TO"))) ++at;
  return at < tokens.size() && tokens[at].kind != SqlToken::kOther ? at : 0;
}

std::string NameIn(const SqlToken& token) {
  return token.kind == SqlToken::kWord ? LowerCase(token.text) : token.text;
}

std::string QuotedName(std::string_view name) {
  return Quoted(name, '"');
}

std::string QuotedText(std::string_view text) {
  // A backslash means itself only while standard_conforming_strings is on.
  if (text.find('\\') == std::string_view::npos) return Quoted(text, '\'');
  std::string escaped;
  for (const char c : text) escaped.append(c == '\\' ? 2 : 1, c);
  return "E" + Quoted(escaped, '\'');
}

void SqlEdits::Replace(size_t begin, size_t end, std::string_view text) {
  out_.append(sql_.substr(copied_, begin - copied_)).append(text);
  out_ += LineBreaksOf(sql_.substr(begin, end - begin));
  copied_ = end;
  any_ = true;
}

std::string SqlEdits::Text() const {
  return out_ + std::string(sql_.substr(copied_));
}

std::string LineBreaksOf(std::string_view text) {
  return std::string(static_cast<size_t>(std::count(text.begin(), text.end(), '\n')), '\n');
}

}  // namespace spawnd::engines::postgresql
