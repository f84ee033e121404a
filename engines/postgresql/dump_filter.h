/// A plain SQL backup on its way to psql: passes the bytes on as they are, byte for byte and line for line,
/// except for locales in CREATE DATABASE that this host lacks, and refuses what must not or cannot be
/// restored.
///
/// It reads the text as psql does (psqlscan.l of PostgreSQL's sources): quotes, dollar quotes, comments,
/// psql's own commands, and data after COPY ... FROM stdin, which is never touched. Memory is bounded
/// whatever the size of the backup. Used by one thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engines/postgresql/create_database.h"
#include "engines/restore_warnings.h"

namespace spawnd::engines::postgresql {

class DumpFilter {
 public:
  /// `name`: of the backup, for messages. `warnings`: get the locales that were replaced.
  DumpFilter(std::string name, RestoreWarnings& warnings,
             std::function<bool(const std::string&)> locale_exists = LocaleExists);

  /// The next bytes for psql. `last`: the backup ends with these; kInvalidArgument then when it stops in the
  /// middle: within data, a quoted text or a comment, or without the closing line that pg_dump's opening line
  /// promises.
  Result<std::string> Filter(std::string_view bytes, bool last);

  /// True when the statement that ends on this line takes away what a fresh server never had: the DROPs at
  /// the top of a `pg_dump --clean`. Known for the last 65536 of them, far more than psql can lag behind.
  bool IsCleaning(uint64_t line) const;

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

  Result<void> Take(std::string_view bytes, size_t& at);
  Result<void> TakeSql(char c);
  Result<void> TakeQuote(std::string_view bytes, size_t& at);
  void TakeLineComment(char c);
  void TakeBlockComment(char c);
  void TakeDollarTag(std::string_view bytes, size_t& at);
  void TakeDollarBody(std::string_view bytes, size_t& at);
  Result<void> TakePsqlCommand(char c);
  void TakeData(std::string_view bytes, size_t& at);

  void OpenQuote(char c);
  void EndWord();
  void EndLine();
  Result<void> EndPsqlCommand();
  void EndStatement();
  void EndComment();
  Result<void> CheckEnd() const;

  void Emit(char c) { (holding_ ? held_ : out_).push_back(c); }
  void Emit(std::string_view text) { (holding_ ? held_ : out_).append(text); }
  void Release();
  void ReleaseCreateDatabase();
  tl::unexpected<Error> Truncated(const std::string& where) const;

  const std::string name_;
  RestoreWarnings& warnings_;
  const std::function<bool(const std::string&)> locale_exists_;

  State state_ = State::kSql;
  uint64_t line_ = 1;
  uint64_t opened_line_ = 1;  ///< of the quote, comment or data that is open
  std::string out_;
  char previous_ = 0;  ///< in kSql and comments: the character before, where two make a sign
  bool at_start_ = true;
  size_t start_bytes_ = 0;

  bool holding_ = false;  ///< the beginning of a statement, until it is clear that it is no CREATE DATABASE
  std::string held_;

  std::string word_;
  std::string first_word_;
  std::string second_word_;
  std::string last_word_;
  size_t words_ = 0;
  bool has_drop_ = false;
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

  std::deque<uint64_t> cleaning_lines_;
  bool cleaning_ = false;  ///< in a pg_dump's opening statements, nothing has been created yet
  int promised_ends_ = 0;  ///< opening lines without their closing lines so far
};

}  // namespace spawnd::engines::postgresql
