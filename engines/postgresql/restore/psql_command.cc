#include "engines/postgresql/restore/psql_command.h"

#include <algorithm>
#include <array>
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

bool IsAllowed(const PsqlCommand& command) {
  if (command.backquote) return false;
  // \d, \dt, \df+ ... only list.
  if (command.name.substr(0, 1) == "d" || command.name == "l" || command.name == "l+") return true;
  if (std::find(kAllowed.begin(), kAllowed.end(), command.name) == kAllowed.end()) return false;
  if (command.name != "g" && command.name != "gx") return true;
  // \g (options) is fine, \g FILE and \g |PROGRAM are not.
  std::string_view rest = command.arguments;
  if (const size_t close = rest.rfind(')'); close != std::string_view::npos) rest.remove_prefix(close + 1);
  return rest.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

}  // namespace

Result<void> CheckPsqlCommands(std::string_view text) {
  for (const PsqlCommand& command : Split(text)) {
    if (IsAllowed(command)) continue;
    return Fail(ErrorCode::kInvalidArgument,
                "psql's command \\" + std::string(command.name.substr(0, 32)) +
                    (command.backquote ? " with a program in backquotes" : "") +
                    " is not allowed in a backup or a script",
                "It may not run programs or touch files on the host; take the command out.");
  }
  return {};
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
