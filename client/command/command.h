/// The shape of a command: an entry in the command table (commands.cc), its flags, and what the user gave it.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace spawnd::client {

struct Flag {
  std::string_view name;        ///< long, with dashes: "--file"
  std::string_view short_name;  ///< "-f", or empty
  std::string_view value;       ///< what stands in help for the value: "<file>"; empty: a switch
  std::string_view help;
  bool repeatable = false;  ///< values collect; otherwise the last counts
};

/// What one command line said. Flags by their long names.
class Invocation {
 public:
  bool Has(std::string_view flag) const { return values_.contains(flag); }
  /// The last value; empty when the flag was not given.
  std::string Text(std::string_view flag) const {
    const auto found = values_.find(flag);
    return found == values_.end() || found->second.empty() ? std::string() : found->second.back();
  }
  std::vector<std::string> List(std::string_view flag) const {
    const auto found = values_.find(flag);
    return found == values_.end() ? std::vector<std::string>() : found->second;
  }
  const std::vector<std::string>& Arguments() const { return arguments_; }
  /// What stood behind "--", for a command whose row has `trailing`.
  const std::vector<std::string>& Trailing() const { return trailing_; }

  void Set(std::string_view flag, std::vector<std::string> values) { values_[flag] = std::move(values); }
  void SetArguments(std::vector<std::string> arguments) { arguments_ = std::move(arguments); }
  void SetTrailing(std::vector<std::string> trailing) { trailing_ = std::move(trailing); }

 private:
  std::map<std::string_view, std::vector<std::string>> values_;
  std::vector<std::string> arguments_;
  std::vector<std::string> trailing_;
};

/// One row of the command table. All views are literals.
struct Command {
  std::string_view verb;
  std::string_view resource;   ///< singular, e.g. "data-image"; empty: the verb stands alone
  std::string_view arguments;  ///< for help: "<image>..."
  size_t min_arguments = 0;
  size_t max_arguments = 0;
  std::string_view summary;
  std::string_view examples;  ///< shell lines, each ending in a newline
  std::span<const Flag> flags;
  /// Does the work and returns the exit code. An error is printed by the caller.
  Result<int> (*run)(const Invocation& invocation) = nullptr;
  /// Words behind "--" are another program's and stay as they are; else they are arguments.
  bool trailing = false;
};

struct Resource {
  std::string_view name;
  std::string_view plural;
  std::string_view short_name;
};

/// Flags that every command has.
std::span<const Flag> CommonFlags();
/// Those that `command` does not describe in words of its own.
std::vector<Flag> CommonFlagsOf(const Command& command);
/// All that it takes: its own, then the common ones.
std::vector<Flag> FlagsOf(const Command& command);
/// The command table, in the order of help.
std::span<const Command> Commands();
/// The resources that some command in the table has.
std::span<const Resource> Resources();
/// By any of its names; null when there is none.
const Resource* FindResource(std::string_view word);
/// The flag that `name` spells if it takes a value, else null. Asked before the command is known: a spelling
/// means the same flag in every command of a verb that has it, which a test holds. In front of the verb
/// (`verb` is empty, or none) it means what it does in any command.
const Flag* ValueFlag(std::span<const Command> commands, std::string_view verb, std::string_view name);

}  // namespace spawnd::client
