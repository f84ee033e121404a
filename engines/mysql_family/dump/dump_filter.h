/// An SQL backup on its way to the client program: passes it on line for line, but for what could not be
/// restored here as it stands:
///   - DEFINER=somebody: becomes the user who restores. Who is missing here would make the object unusable;
///   - the system tables of a server whose tables are others: left out;
///   - statements of replication, what is missing here, what the user does not want (statement_rules.h);
///   - collations that this product has under another name;
///   - a byte order mark, and what a tool said before the dump begins.
///
/// Reads the text as the server's lexer does, and statements as the client does: quotes, backslash escapes,
/// comments, DELIMITER; what stands in `/*! */` is code. Memory is bounded whatever the size of the backup.
/// Used by one thread at a time.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engines/mysql_family/dump/missing.h"
#include "engines/mysql_family/dump/parts.h"
#include "engines/mysql_family/dump/statement_rules.h"
#include "engines/mysql_family/dump/transaction_watch.h"
#include "engines/restore_warnings.h"

namespace spawnd::engines::mysql_family {

class DumpFilter {
 public:
  struct Options {
    std::string name;                    ///< of the backup, for messages
    bool closing_line_expected = false;  ///< of a dump that has an opening line
    bool drop_system_tables = false;
    bool keeps_system_database = false;  ///< also where its tables come: the server does not let go of it
    /// One of the user's own scripts, which mean what they say: definers stay, nothing is left out.
    bool is_script = false;
    bool is_one_of_several = false;  ///< tables that are named may be in another file
    std::string database{};          ///< in use at the beginning; empty: none
    bool lacks_sha2_accounts = false;
    std::function<std::string(std::string_view name)> replace_collation{};  ///< empty answer: stays
    std::vector<std::string_view> lacking_modes{};  ///< of sql_mode, in upper case: left out
    std::string own_engine = "InnoDB";              ///< in the place of a storage engine that is left out
    MissingThings::Options missing{};
    RestoreOptions parts{};
    /// Told of every statement that is passed on.
    std::function<void(const Statement&)> passed{};
  };
  /// `warnings`: get what was replaced or left out.
  DumpFilter(Options options, RestoreWarnings& warnings);

  /// The next bytes. `last`: the backup ends with these; kInvalidArgument then when it stops in the middle:
  /// within a quoted text, a comment or a transaction, or without the closing line that its opening line
  /// promises.
  Result<std::string> Filter(std::string_view bytes, bool last);

  /// The backup writes into the system tables, accounts among them.
  bool TouchesSystemTables() const { return touches_system_tables_; }
  /// It has statements about accounts.
  bool TouchesAccounts() const { return touches_accounts_; }

  /// After the last bytes: ends what is not ended, and asks the server for an open transaction.
  std::string ClosingCheck() const {
    return "\n" + delimiter_ + "\nDELIMITER ;\n" + std::string(TransactionWatch::kClosingCheck) + ";\n";
  }
  /// The line of that question.
  uint64_t ClosingLine() const { return line_ + 3; }
  /// When the server says that there is one.
  Error OpenTransaction() const { return transactions_.IsOpen(options_.name); }

 private:
  enum class State { kToolsWords, kCode, kQuote, kLineComment, kBlockComment, kDelimiterLine };
  /// The next word that the sequence begun needs.
  enum class Expected { kNothing, kUse, kDefinerEquals, kDefinerUser, kDefinerAt, kDefinerHost };

  void TakeAll();
  Result<std::string> End();
  void TakeToolsWords();
  void EndToolsWords();
  void TakeCode(char c);
  void TakeQuote();
  void TakeLineComment();
  void TakeBlockComment(char c);
  void TakeDelimiterLine(char c);
  void OpenQuote(char quote);
  void OpenComment(State kind, char c);
  void ReopenQuote();
  void EndQuoted();
  void TakeSign(char before, char c);
  void EndWord();
  void TakeWord(std::string word, const std::string& delimiter);
  bool TakesSpecialWord(const std::string& word);
  void AddWord(std::string word);
  void JudgeStatement(bool ended);
  void EndStatement();
  void AllowExistingDatabase();
  void AllowExistingAccount();
  bool IsOfDatabase() const;
  bool WaitsForDatabase() const;
  void LeaveSection();
  bool SetsModes() const;
  void LeaveOutModes();
  void EnterSystemDatabase();
  void UseDatabase(const std::string& name);
  /// A name, in quotes or not, while something is expected. False: it is not part of that.
  bool TakeName(const std::string& name);
  void EndDefiner(bool found);
  void Emit(char c);
  void Emit(std::string_view text);
  void Release();
  void ReleaseHead();
  Result<void> CheckEnd() const;
  /// Warns with the line that has been reached. Lines are counted only here, when somebody asks.
  void Warn(std::string text);
  void CountLines();

  const Options options_;
  RestoreWarnings& warnings_;
  MissingThings missing_;
  Parts parts_;
  StatementRules rules_;
  TransactionWatch transactions_;

  std::string_view bytes_;  ///< that Filter was given
  size_t counted_ = 0;      ///< of them, in line_
  uint64_t line_ = 1;
  State state_ = State::kToolsWords;
  size_t at_ = 0;  ///< what comes next of bytes_
  std::string out_;
  char quote_ = 0;
  bool quote_closed_ = false;  ///< by the character before: another one makes it part of the text
  bool escaped_ = false;
  char previous_ = 0;    ///< the character before, where two make a sign
  std::string comment_;  ///< its first characters, to know the closing line; a line of a tool's words

  std::string word_;
  Statement statement_;
  bool comment_version_ = false;  ///< the next word is the number of /*!50001
  char sign_ = 0;                 ///< the last one, but for blanks
  bool after_engine_ = false;     ///< the word before was ENGINE
  std::string delimiter_ = ";";
  std::string tail_;  ///< the last signs, to know the delimiter
  Expected expected_ = Expected::kNothing;
  std::string held_;  ///< what is not passed on until it is clear what it is
  std::string head_;  ///< the statement's beginning, until it is clear what becomes of it
  bool judging_ = true;
  size_t second_word_end_ = 0;  ///< in head_
  std::string quoted_;          ///< the name in quotes, while one is expected
  std::string definer_;
  std::string database_;

  bool database_dropped_ = false;  ///< Options::database, by the dump
  bool dropping_section_ = false;
  bool dropping_statement_ = false;
  bool touches_system_tables_ = false;
  bool touches_accounts_ = false;
  std::optional<Error> refused_{};  ///< a statement that ends the restore
  bool closed_ = false;             ///< the closing line was there
};

}  // namespace spawnd::engines::mysql_family
