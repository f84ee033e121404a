/// Reads SQL text as psql does (psqlscan.l of PostgreSQL's sources): quotes, dollar quotes, comments, psql's
/// own commands, and data after COPY ... FROM stdin. What is done at its words, commands and ends is for the
/// class that derives from it. Memory is bounded whatever the size of the text, which comes in pieces of any
/// size. Used by one thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace spawnd::engines::postgresql {

class SqlScanner {
 public:
  SqlScanner(const SqlScanner&) = delete;
  SqlScanner& operator=(const SqlScanner&) = delete;

 protected:
  /// `name`: of the text, for messages.
  explicit SqlScanner(std::string name) : name_(std::move(name)) {}
  ~SqlScanner() = default;

  /// The next bytes. `last`: the text ends with these; kInvalidArgument then when it stops within data, a
  /// quoted text or a comment.
  Result<void> Scan(std::string_view bytes, bool last);

  /// The text, byte for byte, in runs: everything before a statement has come when OnStatementBegins is
  /// called, everything up to its end when OnStatementEnds is. A byte order mark is left out.
  virtual void Pass(std::string_view run) = 0;
  /// `first`: the first character of the statement's first word, which comes next.
  virtual void OnStatementBegins(char first) = 0;
  /// `word`: in upper case, the `number`th of its statement, from 1.
  virtual void OnWord(std::string_view word, size_t number) = 0;
  virtual void OnStatementEnds() = 0;
  /// Called for a comment whose "--" begins a line. `text` is what follows the "--", at most 63 bytes of
  /// it.
  virtual void OnLineComment(std::string_view text) = 0;
  /// From its backslash to the end of its line. `cut`: there is no such end, the text ends. Returns what is
  /// passed in its place.
  virtual Result<std::string> OnPsqlCommand(std::string_view command, bool cut) = 0;

  const std::string& Name() const { return name_; }
  uint64_t Line() const { return line_; }
  /// The line on which the statement begins that is open, or has just ended.
  uint64_t StatementLine() const { return statement_line_; }
  std::string_view FirstWord() const { return first_word_; }
  std::string_view SecondWord() const { return second_word_; }
  tl::unexpected<Error> Truncated(const std::string& where) const;

 private:
  enum class State {
    kSql,
    kLineComment,
    kBlockComment,
    kQuote,
    kQuotedName,
    kDollarTag,
    kDollarBody,
    kPsqlCommand,
    kData
  };

  void TakeByteOrderMark();
  Result<void> Take();
  Result<void> TakeSql();
  void TakeSign(char c, char before);
  void FollowRoutineBody();
  void TakeQuote();
  void TakeLineComment(char c);
  void TakeBlockComment(char c);
  void TakeDollarTag();
  void TakeDollarBody();
  Result<void> TakePsqlCommand(char c);
  void TakeData();

  void OpenQuote(char c);
  void EndWord();
  void EndLine();
  void EndComment();
  Result<void> EndPsqlCommand(bool cut);
  void EndStatement();
  Result<void> End();
  Result<void> CheckEnd() const;
  /// Passes what has been taken, but has not come out yet.
  void Flush();

  const std::string name_;
  std::string_view bytes_;  ///< that Scan was given
  size_t at_ = 0;           ///< the next to take of them
  size_t passed_ = 0;       ///< of them; not counting those of a psql command

  State state_ = State::kSql;
  uint64_t line_ = 1;
  uint64_t opened_line_ = 1;  ///< of the quote, comment or data that is open
  char previous_ = 0;         ///< in kSql and comments: the character before, where two make a sign
  bool at_start_ = true;
  size_t start_bytes_ = 0;

  std::string word_;
  size_t words_ = 0;  ///< of this statement
  uint64_t statement_line_ = 1;
  size_t parentheses_ = 0;  ///< that are open: no `;` within them ends a statement
  std::string routine_;     ///< first letters of CREATE OR REPLACE FUNCTION, as psql has them
  size_t body_depth_ = 0;   ///< of BEGIN ATOMIC ... END in such a statement
  std::string first_word_;
  std::string second_word_;
  std::string last_word_;
  bool copy_from_stdin_ = false;
  bool data_follows_ = false;           ///< from the next line on
  bool backslash_quotes_ = false;       ///< standard_conforming_strings is off
  bool backslash_quotes_next_ = false;  ///< and will be, once the statement ends

  bool escapes_ = false;  ///< the open quote knows backslash escapes
  bool escaped_ = false;  ///< its last character was a backslash
  int continues_ = 0;     ///< after an E'...': 1 at once, 2 after blanks, 3 with a newline among them
  int comment_depth_ = 0;
  std::string comment_;
  size_t column_ = 0;
  size_t comment_column_ = 0;
  std::string dollar_tag_;
  size_t dollar_match_ = 0;
  std::string psql_command_;
  std::string data_start_;  ///< first characters of a data line, while it may still be the end mark
  bool data_line_ = false;  ///< this line cannot be the end mark any more
};

}  // namespace spawnd::engines::postgresql
