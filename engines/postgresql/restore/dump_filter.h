/// A plain SQL backup or a script on its way to psql: passes the bytes on as they are, except for locales in
/// CREATE DATABASE that this host lacks, and refuses what cannot be restored: psql's commands to the host,
/// and a text that is cut short.
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
#include "engines/postgresql/create_database.h"
#include "engines/postgresql/restore/sql_scanner.h"
#include "engines/restore_warnings.h"

namespace spawnd::engines::postgresql {

class DumpFilter final : private SqlScanner {
 public:
  /// `name`: of the backup, for messages. `warnings`: get the locales that were replaced. `restrict_key`:
  /// letters; empty for a script, which keeps those of psql's commands that touch nothing.
  DumpFilter(std::string name, RestoreWarnings& warnings, std::string restrict_key,
             std::function<bool(const std::string&)> locale_exists = LocaleExists);

  /// The next bytes for psql. `last`: the backup ends with these; kInvalidArgument then when it stops in the
  /// middle: within data, a quoted text or a comment, or without the closing line that pg_dump's opening line
  /// promises.
  Result<std::string> Filter(std::string_view bytes, bool last);

  /// The line of the backup that is this one of what psql was given.
  uint64_t LineOf(uint64_t psql_line) const;

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
  void ReplaceLocales();

  RestoreWarnings& warnings_;
  const std::string restrict_key_;
  const std::function<bool(const std::string&)> locale_exists_;
  std::string out_;

  bool begun_ = false;
  std::vector<uint64_t> connect_lines_;  ///< around each, psql gets two lines more
  bool holding_ = false;  ///< the beginning of a statement, until it is clear that it is no CREATE DATABASE
  std::string held_;

  std::deque<uint64_t> cleaning_lines_;
  bool cleaning_ = false;  ///< in a pg_dump's opening statements, nothing has been created yet
  bool has_drop_ = false;  ///< this statement
  int promised_ends_ = 0;  ///< opening lines without their closing lines so far
};

}  // namespace spawnd::engines::postgresql
