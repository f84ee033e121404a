/// One statement of SQL, taken apart into words, literals and signs, and put together again with some of them
/// changed. For statements of a few words that name what they are about; what stands in a function's body is
/// one literal. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace spawnd::engines::postgresql {

struct SqlToken {
  enum Kind { kWord, kLiteral, kQuotedName, kOther } kind = kOther;
  size_t begin = 0;
  size_t end = 0;
  std::string text;  ///< words in upper case, literals and names without their quotes

  bool IsWord(std::string_view word) const { return kind == kWord && text == word; }
  bool IsSign(char sign) const { return kind == kOther && text[0] == sign; }
};

/// In order; blanks and comments are left out.
std::vector<SqlToken> TokensOf(std::string_view sql);

/// The value after the word at `word`, an optional `=` or TO between them; the index of the token, 0 when
/// there is none.
size_t ValueAfter(const std::vector<SqlToken>& tokens, size_t word);

/// What an identifier says: unquoted ones in lower case.
std::string NameIn(const SqlToken& token);

/// A name or a text, in the quotes that the server reads.
std::string QuotedName(std::string_view name);
std::string QuotedText(std::string_view text);

/// Changes to a text, given in the order of their places.
class SqlEdits {
 public:
  explicit SqlEdits(std::string_view sql) : sql_(sql) {}

  /// What stands from `begin` to `end` becomes `text`; line breaks in it stay, so that line numbers do.
  void Replace(size_t begin, size_t end, std::string_view text);
  bool Any() const { return any_; }
  std::string Text() const;

 private:
  std::string_view sql_;
  std::string out_;
  size_t copied_ = 0;
  bool any_ = false;
};

/// The line breaks of a text, which stand for it where it is left out.
std::string LineBreaksOf(std::string_view text);

}  // namespace spawnd::engines::postgresql
