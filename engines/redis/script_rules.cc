#include "engines/redis/script_rules.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>

#include "base/text.h"
#include "engines/redis/launch.h"

namespace spawnd::engines::redis {
namespace {

using What = CommandVerdict::What;

/// redis-cli's own commands: they would talk to another server, or to nobody.
constexpr std::array<std::string_view, 8> kClientCommands{"CONNECT", "RESTART", "CLEAR", "HELP",
                                                          "?",       "QUIT",    "EXIT",  "HELLO"};
/// They turn the connection into a stream that never ends.
constexpr std::array<std::string_view, 6> kEndless{"MONITOR",    "SUBSCRIBE", "PSUBSCRIBE",
                                                   "SSUBSCRIBE", "SYNC",      "PSYNC"};
/// Of no use in an image, which is a server by itself.
constexpr std::array<std::string_view, 5> kReplication{"REPLICAOF", "SLAVEOF", "CLUSTER", "FAILOVER",
                                                       "REPLCONF"};
/// DEBUG ends the server or has it sleep, but for these.
constexpr std::array<std::string_view, 8> kHarmlessDebug{
    "POPULATE", "OBJECT", "SET-ACTIVE-EXPIRE", "RELOAD", "DIGEST", "DIGEST-VALUE", "SDSLEN", "JMAP"};
/// Their last word is the time limit in seconds.
constexpr std::array<std::string_view, 6> kBlocksByLast{"BLPOP",      "BRPOP",    "BLMOVE",
                                                        "BRPOPLPUSH", "BZPOPMIN", "BZPOPMAX"};
constexpr std::array<std::string_view, 2> kBlocksByFirst{"BLMPOP", "BZMPOP"};

/// Nothing that a script waits for comes from anybody else.
constexpr double kLongestWait = 60;

template <size_t N>
bool IsOneOf(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool IsBlank(char c) {
  return std::isspace(static_cast<unsigned char>(c)) != 0;
}

/// One word, as redis-cli reads it (sdssplitargs).
class WordReader {
 public:
  explicit WordReader(std::string_view line) : line_(line) {}

  bool AtEnd() {
    while (at_ < line_.size() && IsBlank(line_[at_])) ++at_;
    return at_ == line_.size();
  }
  /// False: quotes that do not fit.
  bool Read(std::string& word) {
    word.clear();
    while (at_ < line_.size() && !IsBlank(line_[at_])) {
      const char c = line_[at_++];
      if (c != '"' && c != '\'') {
        Add(word, c);
        continue;
      }
      if (!ReadQuoted(word, c)) return false;
    }
    return true;
  }

 private:
  static void Add(std::string& word, char c) {
    if (word.size() < CommandWords::kMaxBytes) word += c;
  }
  bool ReadQuoted(std::string& word, char quote) {
    while (at_ < line_.size()) {
      const char c = line_[at_++];
      if (c == quote) return at_ == line_.size() || IsBlank(line_[at_]);
      const char next = at_ < line_.size() ? line_[at_] : '\0';
      if (c != '\\' || at_ == line_.size() || (quote == '\'' && next != '\'')) {
        Add(word, c);
        continue;
      }
      ++at_;
      Add(word, quote == '\'' ? next : Escaped(next));
    }
    return false;
  }
  char Escaped(char c) {
    switch (c) {
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      case 'b':
        return '\b';
      case 'a':
        return '\a';
      case 'x':
        return Hexadecimal();
      default:
        return c;
    }
  }
  /// Behind \x; without two digits there it is an x.
  char Hexadecimal() {
    if (at_ + 2 > line_.size()) return 'x';
    const std::string digits(line_.substr(at_, 2));
    if (std::isxdigit(static_cast<unsigned char>(digits[0])) == 0 ||
        std::isxdigit(static_cast<unsigned char>(digits[1])) == 0) {
      return 'x';
    }
    at_ += 2;
    return static_cast<char>(std::strtol(digits.c_str(), nullptr, 16));
  }

  const std::string_view line_;
  size_t at_ = 0;
};

/// No limit, or one that nobody waits for. What is no number the server refuses.
bool WaitsTooLong(const std::string& limit, double units_per_second) {
  char* end = nullptr;
  const double value = std::strtod(limit.c_str(), &end);
  if (limit.empty() || *end != '\0') return false;
  return value == 0 || value / units_per_second > kLongestWait;
}

bool Blocks(const CommandWords& command) {
  constexpr double kMilliseconds = 1000;
  const std::string name = command.Upper(0);
  if (IsOneOf(kBlocksByLast, name)) return WaitsTooLong(command.last, 1);
  if (IsOneOf(kBlocksByFirst, name)) return WaitsTooLong(command.Upper(1), 1);
  // WAIT replicas limit; WAITAOF local replicas limit: there are none.
  if (name == "WAIT" || name == "WAITAOF") {
    const bool for_some = std::atol(command.Upper(name == "WAIT" ? 1 : 2).c_str()) > 0;
    return for_some && WaitsTooLong(command.last, kMilliseconds);
  }
  if (name != "XREAD" && name != "XREADGROUP") return false;
  for (size_t i = name == "XREAD" ? 1 : 4; i < command.words.size(); ++i) {
    if (command.Upper(i) == "STREAMS") return false;
    if (command.Upper(i) == "BLOCK") return WaitsTooLong(command.Upper(i + 1), kMilliseconds);
  }
  return false;
}

/// CONFIG SET of what an image may not set in its YAML either: it would not outlast the build, or break it.
CommandVerdict JudgeConfig(const CommandWords& command) {
  if (command.Upper(1) != "SET") return {};
  for (size_t i = 2; i < command.words.size(); i += 2) {
    std::string setting = UpperCase(command.words[i]);
    std::replace(setting.begin(), setting.end(), '-', '_');
    for (const std::string_view refused : RefusedNames()) {
      if (UpperCase(refused) != setting) continue;
      return {What::kLeaveOut,
              "'CONFIG SET " + command.words[i] + "' was left out: spawnd decides this of each container"};
    }
  }
  return {};
}

CommandVerdict JudgeClient(const CommandWords& command) {
  const std::string what = command.Upper(1);
  if (what == "REPLY" && command.Upper(2) != "ON") {
    return {What::kRefuse,
            "'CLIENT REPLY " + command.Upper(2) + "' would leave it unknown what became of the rest",
            "Leave it out: a script is read with its answers."};
  }
  if (what == "PAUSE") return {What::kLeaveOut, "'CLIENT PAUSE' was left out: nobody else is connected"};
  return {};
}

CommandVerdict JudgeServer(const CommandWords& command, const std::string& name) {
  if (name == "SHUTDOWN") {
    return {What::kRefuse, "'SHUTDOWN' ends the server", "Leave it out: the build ends its server itself."};
  }
  if (name == "RESET") {
    return {What::kRefuse, "'RESET' would log the script out",
            "Leave it out; `SELECT 0` is what it does else."};
  }
  if (name == "DEBUG" && !IsOneOf(kHarmlessDebug, command.Upper(1))) {
    return {What::kRefuse, "'DEBUG " + command.Upper(1) + "' is for tests of servers", "Leave it out."};
  }
  if (name == "MIGRATE") {
    return {What::kRefuse, "'MIGRATE' would move keys to another server",
            "Leave it out: an image reaches no other."};
  }
  if (name == "CONFIG") return JudgeConfig(command);
  if (name == "CLIENT") return JudgeClient(command);
  return {};
}

}  // namespace

std::string CommandWords::Upper(size_t word) const {
  return word < words.size() ? UpperCase(words[word]) : std::string();
}

std::optional<CommandWords> SplitCommand(std::string_view line) {
  CommandWords command;
  WordReader reader(line);
  while (!reader.AtEnd()) {
    if (!reader.Read(command.last)) return std::nullopt;
    if (command.words.size() < CommandWords::kMaxWords) command.words.push_back(command.last);
  }
  return command;
}

CommandVerdict JudgeCommand(const CommandWords& command, bool in_transaction) {
  const std::string name = command.Upper(0);
  // A number in front repeats the command; ':' sets an option of redis-cli.
  if (IsOneOf(kClientCommands, name) || name.starts_with(':') ||
      (!name.empty() && std::isdigit(static_cast<unsigned char>(name.front())) != 0)) {
    return {What::kRefuse, "'" + name + "' is not for the server",
            "A script holds commands of the server, one a line."};
  }
  if (IsOneOf(kEndless, name)) {
    return {What::kRefuse, "'" + name + "' would never end", "Leave it out."};
  }
  if (IsOneOf(kReplication, name)) {
    const bool of_nobody = command.Upper(1) == "NO" && command.Upper(2) == "ONE";
    if (of_nobody && (name == "REPLICAOF" || name == "SLAVEOF")) return {What::kLeaveOut};
    return {What::kLeaveOut, "'" + name + "' was left out: a container follows no other server"};
  }
  if (!in_transaction && Blocks(command)) {
    return {What::kRefuse, "'" + name + "' would wait for ever, or longer than a minute",
            "Nobody else is connected who could end that: leave it out, or give it a shorter limit."};
  }
  return JudgeServer(command, name);
}

bool ChangesDatabase(const CommandWords& command) {
  const std::string name = command.Upper(0);
  return name == "SELECT" || name == "SWAPDB";
}

}  // namespace spawnd::engines::redis
