/// A plain SQL backup on its way to psql: passes the bytes on as they are, byte for byte and line for line,
/// except for locales in CREATE DATABASE that this host lacks, and refuses what must not or cannot be
/// restored: psql's commands to the host, and a backup that is cut short.
///
/// Memory is bounded whatever the size of the backup; data after COPY ... FROM stdin is never touched. Used
/// by one thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engines/postgresql/create_database.h"
#include "engines/postgresql/restore/sql_scanner.h"
#include "engines/restore_warnings.h"

namespace spawnd::engines::postgresql {

class DumpFilter final : private SqlScanner {
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
  void Pass(std::string_view run) override;
  void OnStatementBegins(char first) override;
  void OnWord(std::string_view word, size_t number) override;
  void OnStatementEnds() override;
  void OnLineComment(std::string_view text) override;
  Result<void> OnPsqlCommand(std::string_view command, bool cut) override;

  void Release();
  void ReplaceLocales();

  RestoreWarnings& warnings_;
  const std::function<bool(const std::string&)> locale_exists_;
  std::string out_;

  bool holding_ = false;  ///< the beginning of a statement, until it is clear that it is no CREATE DATABASE
  std::string held_;

  std::deque<uint64_t> cleaning_lines_;
  bool cleaning_ = false;  ///< in a pg_dump's opening statements, nothing has been created yet
  bool has_drop_ = false;  ///< this statement
  int promised_ends_ = 0;  ///< opening lines without their closing lines so far
};

}  // namespace spawnd::engines::postgresql
