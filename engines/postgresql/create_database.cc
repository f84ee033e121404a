#include "engines/postgresql/create_database.h"

#include <locale.h>

#include <algorithm>
#include <cctype>

namespace spawnd::engines::postgresql {
namespace {

struct Token {
  enum Kind { kWord, kLiteral, kQuotedName, kOther } kind = kOther;
  size_t begin = 0;
  size_t end = 0;
  std::string text;  ///< words in upper case, literals and names without their quotes
};

bool IsWordChar(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$' ||
         (static_cast<unsigned char>(c) & 0x80U) != 0;
}

Token QuotedToken(std::string_view sql, size_t begin) {
  const char quote = sql[begin];
  Token token{quote == '\'' ? Token::kLiteral : Token::kQuotedName, begin, begin + 1, {}};
  while (token.end < sql.size()) {
    const char c = sql[token.end++];
    if (c != quote) {
      token.text += c;
    } else if (token.end < sql.size() && sql[token.end] == quote) {
      token.text += sql[token.end++];
    } else {
      break;
    }
  }
  return token;
}

/// Words, literals and quoted names, in order; blanks and comments are left out.
std::vector<Token> TokensOf(std::string_view sql) {
  std::vector<Token> tokens;
  for (size_t i = 0; i < sql.size();) {
    if (sql[i] == '\'' || sql[i] == '"') {
      tokens.push_back(QuotedToken(sql, i));
      i = tokens.back().end;
    } else if (IsWordChar(sql[i])) {
      Token token{Token::kWord, i, i, {}};
      while (token.end < sql.size() && IsWordChar(sql[token.end])) {
        token.text += static_cast<char>(std::toupper(static_cast<unsigned char>(sql[token.end++])));
      }
      i = token.end;
      tokens.push_back(std::move(token));
    } else if (sql.substr(i, 2) == "--") {
      i = std::min(sql.size(), sql.find('\n', i));
    } else if (sql.substr(i, 2) == "/*") {
      const size_t end = sql.find("*/", i + 2);
      i = end == std::string_view::npos ? sql.size() : end + 2;
    } else {
      if (std::isspace(static_cast<unsigned char>(sql[i])) == 0)
        tokens.push_back({Token::kOther, i, i + 1, std::string(1, sql[i])});
      ++i;
    }
  }
  return tokens;
}

/// The value after a word, an optional `=` between them; nullptr when there is none.
const Token* ValueAfter(const std::vector<Token>& tokens, size_t word) {
  size_t at = word + 1;
  if (at < tokens.size() && tokens[at].text == "=") ++at;
  return at < tokens.size() && tokens[at].kind != Token::kOther ? &tokens[at] : nullptr;
}

bool IsUtf8(const std::vector<Token>& tokens) {
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].kind != Token::kWord || tokens[i].text != "ENCODING") continue;
    const Token* value = ValueAfter(tokens, i);
    if (value == nullptr) continue;
    std::string name = value->text;
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::toupper(c); });
    return name == "UTF8" || name == "UTF-8" || name == "UNICODE" || name == "DEFAULT" || name == "6";
  }
  return true;  // ours by default
}

}  // namespace

bool LocaleExists(const std::string& name) {
  const locale_t found = ::newlocale(LC_COLLATE_MASK | LC_CTYPE_MASK, name.c_str(), nullptr);
  if (found == nullptr) return false;
  ::freelocale(found);
  return true;
}

RewrittenStatement ReplaceMissingLocales(std::string_view sql,
                                         const std::function<bool(const std::string&)>& exists) {
  const std::vector<Token> tokens = TokensOf(sql);
  RewrittenStatement result;
  if (tokens.size() > 2) {
    result.database.assign(sql.substr(tokens[2].begin, tokens[2].end - tokens[2].begin));
    if (tokens[2].kind == Token::kQuotedName) result.database = tokens[2].text;
  }
  result.replacement = IsUtf8(tokens) && exists("C.UTF-8") ? "C.UTF-8" : "C";
  size_t copied = 0;
  for (size_t i = 0; i < tokens.size(); ++i) {
    const Token& word = tokens[i];
    if (word.kind != Token::kWord ||
        (word.text != "LC_COLLATE" && word.text != "LC_CTYPE" && word.text != "LOCALE"))
      continue;
    const Token* value = ValueAfter(tokens, i);
    if (value == nullptr || value->kind == Token::kWord || exists(value->text)) continue;
    result.sql.append(sql.substr(copied, value->begin - copied)).append("'" + result.replacement + "'");
    copied = value->end;
    if (std::find(result.replaced.begin(), result.replaced.end(), value->text) == result.replaced.end()) {
      result.replaced.push_back(value->text);
    }
  }
  result.sql.append(sql.substr(copied));
  return result;
}

std::string LocaleWarning(const std::string& locale, const RewrittenStatement& statement) {
  return "this host has no locale '" + locale + "'; database '" + statement.database + "' gets " +
         statement.replacement + " instead";
}

}  // namespace spawnd::engines::postgresql
