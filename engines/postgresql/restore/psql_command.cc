#include "engines/postgresql/restore/psql_command.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

namespace spawnd::engines::postgresql {
namespace {

constexpr std::array<std::string_view, 40> kAllowed{
    "",      ".",     "a",     "c",        "C",      "connect",    "conninfo", "crosstabview",
    "echo",  "elif",  "else",  "encoding", "endif",  "errverbose", "f",        "g",
    "gdesc", "gexec", "gset",  "gx",       "H",      "if",         "p",        "print",
    "pset",  "q",     "qecho", "quit",     "r",      "reset",      "restrict", "set",
    "sf",    "sv",    "t",     "T",        "timing", "unrestrict", "unset",    "warn"};
constexpr std::array<std::string_view, 7> kSending{"g", "gx", "gset", "gexec", "gdesc", "crosstabview", "r"};

struct PsqlCommand {
  std::string_view name;
  std::string_view arguments;
  bool backquote = false;  ///< outside single quotes: psql would run what it encloses
};

/// Splits at every backslash outside quotes, as psql does.
std::vector<PsqlCommand> Split(std::string_view text) {
  std::vector<PsqlCommand> commands;
  size_t begin = 1;
  char quote = 0;
  bool backquote = false;
  const auto finish = [&](size_t end) {
    const std::string_view one = text.substr(begin, end - begin);
    const size_t name_end = std::min(one.size(), one.find_first_of(" \t\r\n"));
    commands.push_back({one.substr(0, name_end), one.substr(name_end), backquote});
    backquote = false;
    begin = end + 1;
  };
  for (size_t i = 1; i < text.size(); ++i) {
    const char c = text[i];
    if (quote == '\'' && c == '\\') {
      ++i;  // \' inside '...' does not end it
    } else if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (c == '`') {
      backquote = true;
    } else if (c == '\\') {
      finish(i);
    }
  }
  finish(text.size());
  return commands;
}

constexpr std::string_view kBlanks = " \t\r\n";

/// The next word of a command's arguments, without its quotes; false at their end, and for one that psql
/// would put variables or the output of programs into.
bool TakeWord(std::string_view& text, std::string& word) {
  text.remove_prefix(std::min(text.size(), text.find_first_not_of(kBlanks)));
  if (text.empty()) return false;
  word.clear();
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool doubled = quote != 0 && c == quote && i + 1 < text.size() && text[i + 1] == quote;
    if (quote == 0 && kBlanks.find(c) != std::string_view::npos) {
      text.remove_prefix(i);
      return true;
    }
    if (doubled) {
      word += text[i++];
    } else if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == quote) {
      quote = 0;
    } else if (c == '\n' || (c == '\\' && quote != '"') || (quote == 0 && (c == ':' || c == '`'))) {
      return false;
    } else {
      word += c;
    }
  }
  text = {};
  return quote == 0;
}

/// What stands between `dbname='` and the closing quote.
std::optional<std::string> DatabaseOf(std::string_view connection) {
  constexpr std::string_view kBegin = "dbname='";
  if (!connection.starts_with(kBegin)) return std::nullopt;
  std::string name;
  for (size_t i = kBegin.size(); i < connection.size(); ++i) {
    if (connection[i] == '\'') return i + 1 == connection.size() ? std::optional(name) : std::nullopt;
    if (connection[i] == '\\' && ++i == connection.size()) break;
    name += connection[i];
  }
  return std::nullopt;
}

/// The forms that pg_dump has: `name`, `"name"`, `-reuse-previous=on "dbname='name'"`.
std::optional<std::string> DatabaseToConnectTo(std::string_view arguments) {
  std::string word;
  std::string more;
  if (!TakeWord(arguments, word)) return std::nullopt;
  if (word == "-reuse-previous=on") {
    if (!TakeWord(arguments, word) || TakeWord(arguments, more)) return std::nullopt;
    return DatabaseOf(word);
  }
  // psql takes these for whole connections, whatever their quotes.
  const bool connection = word.find('=') != std::string::npos || word.starts_with("postgres://") ||
                          word.starts_with("postgresql://");
  const bool last = arguments.find_first_not_of(kBlanks) == std::string_view::npos;
  if (connection || !last || word.empty() || word == "-") return std::nullopt;
  return word;
}

bool IsAllowed(const PsqlCommand& command) {
  if (command.backquote) return false;
  // \d, \dt, \df+ ... only list.
  if (command.name.substr(0, 1) == "d" || command.name == "l" || command.name == "l+") return true;
  if (std::find(kAllowed.begin(), kAllowed.end(), command.name) == kAllowed.end()) return false;
  if (command.name == "c" || command.name == "connect") {
    return command.arguments.find_first_not_of(kBlanks) == std::string_view::npos ||
           DatabaseToConnectTo(command.arguments).has_value();
  }
  if (command.name != "g" && command.name != "gx") return true;
  // \g (options) is fine, \g FILE and \g |PROGRAM are not.
  std::string_view rest = command.arguments;
  if (const size_t close = rest.rfind(')'); close != std::string_view::npos) rest.remove_prefix(close + 1);
  return rest.find_first_not_of(kBlanks) == std::string_view::npos;
}

}  // namespace

Result<void> CheckScriptCommands(std::string_view text) {
  for (const PsqlCommand& command : Split(text)) {
    if (IsAllowed(command)) continue;
    return Fail(ErrorCode::kInvalidArgument,
                "psql's command \\" + std::string(command.name.substr(0, 32)) +
                    (command.backquote ? " with a program in backquotes" : "") +
                    " is not allowed in a script",
                "Programs and files of the host are out of its reach; take the command out.");
  }
  return {};
}

Result<BackupCommand> ReadBackupCommand(std::string_view text) {
  using Kind = BackupCommand::Kind;
  const std::string_view body = text.substr(std::min<size_t>(text.size(), 1));
  const size_t name_end = std::min(body.size(), body.find_first_of(kBlanks));
  const std::string_view name = body.substr(0, name_end);
  const std::string_view arguments = body.substr(name_end);
  if (name == "." && arguments.find_first_not_of(kBlanks) == std::string_view::npos) {
    return BackupCommand{Kind::kDataEnd};
  }
  const bool alone = arguments.find('\\') == std::string_view::npos;
  if ((name == "restrict" || name == "unrestrict") && alone) return BackupCommand{Kind::kRestricts};
  if (name == "connect" || name == "c") {
    const auto database = DatabaseToConnectTo(arguments);
    if (database) return BackupCommand{Kind::kConnect, *database};
    return Fail(ErrorCode::kInvalidArgument,
                "psql's command \\" + std::string(name) +
                    " is allowed in a backup only with the name of a database and nothing else",
                "Everything in a backup goes to the one server that is being filled.");
  }
  return Fail(ErrorCode::kInvalidArgument,
              "psql's command \\" + std::string(name.substr(0, 32)) + " is not allowed in a backup",
              "A backup is SQL, data of COPY, and \\connect with the name of a database. A file of one's own "
              "may have other commands when it is named under `scripts`.");
}

std::string ConnectCommand(const std::string& database) {
  std::string quoted;
  for (const char c : database) {
    // First as a connection string quotes it, then as psql does.
    if (c == '\'' || c == '\\') quoted += '\\';
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return "\\connect -reuse-previous=on \"dbname='" + quoted + "'\"";
}

bool LeavesPsql(std::string_view text) {
  const std::vector<PsqlCommand> commands = Split(text);
  return !commands.empty() && (commands.front().name == "q" || commands.front().name == "quit");
}

bool EndsStatement(std::string_view text) {
  for (const PsqlCommand& command : Split(text)) {
    if (std::find(kSending.begin(), kSending.end(), command.name) != kSending.end() ||
        command.name == "reset")
      return true;
  }
  return false;
}

}  // namespace spawnd::engines::postgresql
