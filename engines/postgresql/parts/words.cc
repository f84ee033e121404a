#include "engines/postgresql/parts/words.h"

#include <algorithm>
#include <cctype>

namespace spawnd::engines::postgresql {
namespace {

constexpr size_t kMaxWords = 200'000;

}  // namespace

std::vector<std::string> WordsOf(std::string_view sql) {
  std::vector<std::string> words;
  for (size_t at = 0; at < sql.size() && words.size() < kMaxWords;) {
    const char c = sql[at];
    if (std::isspace(static_cast<unsigned char>(c)) != 0) {
      ++at;
    } else if (sql.substr(at, 2) == "--") {
      at = std::min(sql.find('\n', at), sql.size());
    } else if (sql.substr(at, 2) == "/*") {
      const size_t end = sql.find("*/", at);
      at = end == std::string_view::npos ? sql.size() : end + 2;
    } else if (c == '"' || c == '\'') {
      std::string text;
      for (++at; at < sql.size(); ++at) {
        if (sql[at] == c && (at + 1 == sql.size() || sql[at + 1] != c)) break;
        if (sql[at] == c) ++at;
        text += sql[at];
      }
      ++at;
      words.push_back(std::move(text));
    } else if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' ||
               static_cast<unsigned char>(c) >= 0x80) {
      std::string word;
      for (; at < sql.size(); ++at) {
        const auto next = static_cast<unsigned char>(sql[at]);
        if (std::isalnum(next) == 0 && next != '_' && next != '$' && next < 0x80) break;
        word += static_cast<char>(std::tolower(next));
      }
      words.push_back(std::move(word));
    } else {
      words.emplace_back(1, c);
      ++at;
    }
  }
  return words;
}

std::string Table::Qualified() const {
  return schema.empty() ? name : schema + "." + name;
}

Table TableAt(const std::vector<std::string>& words, size_t at, const std::string& schema) {
  Table table{schema, {}};
  if (at < words.size()) table.name = words[at];
  if (at + 2 < words.size() && words[at + 1] == ".") table = {words[at], words[at + 2]};
  return table;
}

std::vector<Table> InheritedBy(const std::vector<std::string>& words, const std::string& schema) {
  std::vector<Table> parents;
  for (size_t at = 2; at + 1 < words.size(); ++at) {
    if (words[at] == "(") break;
    if (words[at] == "partition" && words[at + 1] == "of") return {TableAt(words, at + 2, schema)};
  }
  // Behind the columns, and so the last one that there is.
  size_t at = words.size();
  while (at > 2 && !(words[at - 2] == "inherits" && words[at - 1] == "(")) --at;
  if (at <= 2) return parents;
  for (; at < words.size() && words[at] != ")"; ++at) {
    if (words[at] == ",") continue;
    parents.push_back(TableAt(words, at, schema));
    if (at + 2 < words.size() && words[at + 1] == ".") at += 2;
  }
  return parents;
}

}  // namespace spawnd::engines::postgresql
