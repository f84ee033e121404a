/// Which of psql's own commands a backup or a script may hold. Pure.
///
/// This is for messages: it says early, and with the line, what will not work. What keeps a backup from
/// running programs is psql's restricted mode (dump_filter.h), and what keeps any tool from reaching the host
/// is the container it runs in; neither rests on this reading of the text, which psql may read differently.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace spawnd::engines::postgresql {

/// Of a script. `text`: from the first backslash to the end of the line. kInvalidArgument names the command
/// that is refused. Syntax: https://www.postgresql.org/docs/current/app-psql.html#APP-PSQL-META-COMMANDS
Result<void> CheckScriptCommands(std::string_view text);

/// A command of a backup, of which there are few: pg_dump writes no others.
struct BackupCommand {
  enum class Kind {
    kDataEnd,    ///< \.
    kRestricts,  ///< \restrict and \unrestrict
    kConnect,    ///< \connect of a database by its name, nothing else being changed
  };
  Kind kind = Kind::kDataEnd;
  std::string database{};  ///< with kConnect
};
/// `text` as above. kInvalidArgument for any other.
Result<BackupCommand> ReadBackupCommand(std::string_view text);

/// `\connect` of this database, without a newline, as the same user at the same server.
std::string ConnectCommand(const std::string& database);

/// True for \q and \quit, after which psql reads no further.
bool LeavesPsql(std::string_view text);

/// True when one of the commands sends or clears the statement before it (\g, \gset, \r ...).
bool EndsStatement(std::string_view text);

}  // namespace spawnd::engines::postgresql
