#include "engines/mysql_family/dump/statement.h"

#include <algorithm>
#include <cctype>

#include "base/text.h"

namespace spawnd::engines::mysql_family {

bool SameWord(std::string_view word, std::string_view upper) {
  return SameInAnyCase(word, upper);
}

bool Statement::IsOneOf(size_t word, const std::vector<std::string_view>& upper) const {
  return std::any_of(upper.begin(), upper.end(), [&](std::string_view one) { return Is(word, one); });
}

size_t Statement::Find(std::string_view upper, size_t from) const {
  size_t word = from;
  while (word < words.size() && !Is(word, upper)) ++word;
  return std::min(word, words.size());
}

ObjectName NameOfDatabase(const Statement& statement) {
  if (!statement.Is(2, "IF")) return NameAt(statement, 2);
  return NameAt(statement, statement.Is(3, "NOT") ? 5 : 4);
}

ObjectName NameAt(const Statement& statement, size_t word) {
  ObjectName name;
  if (word >= statement.words.size()) return name;
  const auto plain = [](const std::string& text) {
    return text.starts_with('`') || text.starts_with('"') ? text.substr(1) : text;
  };
  const std::string& first = statement.words[word];
  const size_t dot = first.starts_with('`') ? std::string::npos : first.find('.');
  if (dot != std::string::npos && dot + 1 < first.size())
    return {first.substr(0, dot), first.substr(dot + 1), true};
  name.name = plain(first.substr(0, dot));
  if (word + 1 >= statement.words.size()) return name;
  const std::string& second = statement.words[word + 1];
  if (dot != std::string::npos) return {name.name, plain(second), true};
  name.whole = true;
  if (!second.starts_with('.')) return name;
  if (second.size() > 1) return {name.name, second.substr(1), true};
  if (word + 2 >= statement.words.size()) return {"", name.name, false};
  return {name.name, plain(statement.words[word + 2]), true};
}

}  // namespace spawnd::engines::mysql_family
