/// Which of psql's own commands a backup may hold. Pure.
///
/// pg_dump writes \connect, \restrict, \unrestrict and the \. that ends data. Hand-written scripts have a few
/// more. What would run a program, read or write a file, or ask a question on the host that restores is
/// refused before psql sees it: a backup is data that came from elsewhere.
#pragma once

#include <string_view>

#include "base/result.h"

namespace spawnd::engines::postgresql {

/// `text`: from the first backslash to the end of the line. kInvalidArgument names the command that is
/// refused. Syntax: https://www.postgresql.org/docs/current/app-psql.html#APP-PSQL-META-COMMANDS
Result<void> CheckPsqlCommands(std::string_view text);

/// True when one of the commands sends or clears the statement before it (\g, \gset, \r ...).
bool EndsStatement(std::string_view text);

}  // namespace spawnd::engines::postgresql
