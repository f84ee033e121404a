/// A plain SQL backup or a script on its way to psql: passes the bytes on as they are, except for statements
/// of a backup that are not for this server (statement_rules.h) and locales in CREATE DATABASE that this host
/// lacks, and refuses what cannot be restored: psql's commands to the host, and a text that is cut short.
///
/// A backup is put into psql's restricted mode, in which psql itself takes no command, however it reads the
/// text: \restrict with a key that nobody knows is the first line, the backup's own are taken out, and the
/// mode is left for a \connect of a database, by which a dump goes from one to the next.
///
/// Memory is bounded whatever the size of the backup; data after COPY ... FROM stdin is never touched. Used
/// by one thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engines/postgresql/dump/statement_rules.h"
#include "engines/postgresql/dump/transaction_watch.h"
#include "engines/postgresql/restore/sql_scanner.h"
#include "engines/restore_warnings.h"

namespace spawnd::engines::postgresql {

class DumpFilter final : private SqlScanner {
 public:
  /// `name`: of the backup, for messages. `warnings`: get what was left out or replaced. `restrict_key`:
  /// letters; empty for a script, which keeps those of psql's commands that touch nothing, and of whose
  /// statements only the locales of a CREATE DATABASE are looked at.
  DumpFilter(std::string name, RestoreWarnings& warnings, std::string restrict_key,
             StatementRules rules = {});

  /// The next bytes for psql. `last`: the backup ends with these; kInvalidArgument then when it stops in the
  /// middle: within data, a quoted text or a comment, or without the closing line that pg_dump's opening line
  /// promises.
  Result<std::string> Filter(std::string_view bytes, bool last);

  /// The line of the backup that is this one of what psql was given.
  uint64_t LineOf(uint64_t psql_line) const;

  /// For psql after the last bytes: is refused by the server when a transaction is open, whatever opened it.
  /// IsClosingCheck says of a line of psql's whether it is that statement's.
  /// The line before it ends a last statement that has no semicolon, and whose error is its own.
  static constexpr std::string_view kClosingCheck = "\n;\nDISCARD ALL;\n";
  bool IsClosingCheck(uint64_t line) const { return closing_line_ > 0 && line > closing_line_ + 1; }
  /// The line on which a transaction begins that is not closed, as far as the text says; 0: none.
  uint64_t TransactionSince() const { return transaction_.OpenSince(); }
  /// "17.6": of the server that was dumped, from the opening lines of a pg_dump; empty where there are none.
  const std::string& DumpedFrom() const { return dumped_from_; }

  /// Whether a statement so far makes a database.
  bool MadeDatabase() const { return made_database_; }

  /// True when the statement that ends on this line takes away what a fresh server never had: the DROPs at
  /// the top of a `pg_dump --clean`. Known for the last 65536 of them, far more than psql can lag behind.
  bool IsCleaning(uint64_t line) const;

 private:
  void Pass(std::string_view run) override;
  void OnStatementBegins(char first) override;
  void OnWord(std::string_view word, size_t number) override;
  void OnStatementEnds() override;
  void OnLineComment(std::string_view text) override;
  Result<std::string> OnPsqlCommand(std::string_view command, bool cut) override;

  void Release();
  void Rule();
  void GuardCopy();

  RestoreWarnings& warnings_;
  const std::string restrict_key_;
  const StatementRules rules_;
  TransactionWatch transaction_;
  std::string out_;
  uint64_t closing_line_ = 0;
  std::string dumped_from_;

  bool made_database_ = false;
  bool begun_ = false;
  /// Lines that psql gets beyond the backup's own, around or after one of those.
  struct Inserted {
    uint64_t line = 0;
    uint64_t lines = 0;
  };
  std::vector<Inserted> inserted_;
  bool holding_ = false;  ///< a statement, until it is clear that it needs no look, or as a whole
  std::string held_;

  std::deque<uint64_t> cleaning_lines_;
  bool cleaning_ = false;  ///< in a pg_dump's opening statements, nothing has been created yet
  bool has_drop_ = false;  ///< this statement
  int promised_ends_ = 0;  ///< opening lines without their closing lines so far
};

}  // namespace spawnd::engines::postgresql
