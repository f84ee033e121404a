/// One SQL statement of a dump as far as it is read to know what it is. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace spawnd::engines::mysql_family {

/// The same in any case; `upper` is in upper case.
bool SameWord(std::string_view word, std::string_view upper);

struct Statement {
  /// As many words of a statement are kept.
  static constexpr size_t kMaxWords = 32;

  /// Words, numbers and names. What stood in quotes has its opening quote in front: `name, 'text.
  std::vector<std::string> words;
  uint64_t line = 0;  ///< where it begins

  bool Is(size_t word, std::string_view upper) const {
    return word < words.size() && SameWord(words[word], upper);
  }
  bool IsOneOf(size_t word, const std::vector<std::string_view>& upper) const;
  /// Its first word that is `upper`, from `from` on; words.size() when there is none.
  size_t Find(std::string_view upper, size_t from = 0) const;
};

/// A table's or a view's name.
struct ObjectName {
  std::string database;  ///< empty: the one in use
  std::string name;
  bool whole = false;  ///< false: more of it may come with the next word
};

/// The database that is there with every server, with its accounts in it.
inline constexpr std::string_view kSystemDatabase = "mysql";

/// Of CREATE, DROP or ALTER DATABASE.
ObjectName NameOfDatabase(const Statement& statement);

/// The name that begins at this word, in quotes or not.
ObjectName NameAt(const Statement& statement, size_t word);

}  // namespace spawnd::engines::mysql_family
