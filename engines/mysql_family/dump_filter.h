/// An SQL backup on its way to the client program: passes it on line for line, but for what could not be
/// restored here as it stands:
///   - DEFINER=somebody: becomes the user who restores. Who is missing here would make the object unusable;
///   - the system tables of a server whose tables are others: left out;
///   - SET @@GLOBAL.GTID_PURGED: left out, a container replicates nothing;
///   - collations that this product has under another name.
///
/// Reads the text as the server's lexer does: quotes, backslash escapes, comments; what stands in `/*! */` is
/// code. Memory is bounded whatever the size of the backup. Used by one thread at a time.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engines/restore_warnings.h"

namespace spawnd::engines::mysql_family {

class DumpFilter {
 public:
  struct Options {
    std::string name;                    ///< of the backup, for messages
    bool closing_line_expected = false;  ///< of a dump that has an opening line
    bool drop_system_tables = false;
    bool keep_definers = false;  ///< of the user's own scripts, which mean what they say
    std::string_view (*replace_collation)(std::string_view name) = nullptr;
  };
  /// `warnings`: get what was replaced or left out.
  DumpFilter(Options options, RestoreWarnings& warnings)
      : options_(std::move(options)), warnings_(warnings) {}

  /// The next bytes. `last`: the backup ends with these; kInvalidArgument then when it stops in the middle:
  /// within a quoted text or a comment, or without the closing line that its opening line promises.
  Result<std::string> Filter(std::string_view bytes, bool last);

  /// The backup writes into the system tables, accounts among them.
  bool TouchesSystemTables() const { return touches_system_tables_; }

 private:
  enum class State { kCode, kQuote, kLineComment, kBlockComment };
  /// The next word that the sequence begun needs.
  enum class Expected { kNothing, kUse, kDefinerEquals, kDefinerUser, kDefinerAt, kDefinerHost };

  void TakeCode(char c);
  void TakeQuote();
  void TakeLineComment();
  void TakeBlockComment(char c);
  void OpenQuote(char quote);
  void OpenComment(State kind, char c);
  void CloseQuote();
  void EndWord();
  void EndStatement();
  void UseDatabase(const std::string& name);
  /// A name, in quotes or not, while something is expected. False: it is not part of that.
  bool TakeName(const std::string& name);
  void EndDefiner(bool found);
  void Emit(char c);
  void Emit(std::string_view text);
  void Release();
  Result<void> CheckEnd() const;
  /// Warns with the line that has been reached. Lines are counted only here, when somebody asks.
  void Warn(std::string text);
  void CountLines();

  const Options options_;
  RestoreWarnings& warnings_;
  std::string_view bytes_;  ///< that Filter was given
  size_t counted_ = 0;      ///< of them, in line_
  uint64_t line_ = 1;
  State state_ = State::kCode;
  size_t at_ = 0;  ///< what comes next of bytes_
  std::string out_;
  char quote_ = 0;
  bool escaped_ = false;
  char previous_ = 0;    ///< the character before, where two make a sign
  std::string comment_;  ///< its first characters, to know the closing line

  std::string word_;
  std::string first_word_;  ///< of the statement
  size_t words_ = 0;
  Expected expected_ = Expected::kNothing;
  std::string held_;    ///< what is not passed on until it is clear what it is
  std::string quoted_;  ///< the name in quotes, while one is expected
  std::string definer_;

  bool dropping_section_ = false;
  bool dropping_statement_ = false;
  bool touches_system_tables_ = false;
  bool closed_ = false;  ///< the closing line was there
};

}  // namespace spawnd::engines::mysql_family
