#include "client/command/command_line.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <utility>

#include "base/nearest.h"
#include "client/output/text.h"

namespace spawnd::client {
namespace {

constexpr size_t kMaxArguments = 10'000;

bool IsFlag(std::string_view word) {
  return word.size() > 1 && word.front() == '-';
}

/// "--name=x" -> "--name"
std::string_view FlagName(std::string_view word) {
  return word.substr(0, word.find('='));
}

using Words = std::vector<std::string>;

struct NormalWords {
  Words words;
  bool dropped_empty = false;  ///< an empty word that was no flag's value
};

/// Drops empty words, and flags whose value is empty ("--name ''", "--name="): scripts pass unset variables
/// that way. Every flag with a value becomes one word "--name=x", so that the flag parser cannot take a value
/// that begins with a dash for another flag.
Result<NormalWords> Normalise(std::span<const Command> commands, const Words& arguments) {
  NormalWords normal;
  Words& words = normal.words;
  std::string verb;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (word.empty()) {
      normal.dropped_empty = true;
      continue;
    }
    const std::string_view name = FlagName(word);
    const Flag* flag = IsFlag(word) ? ValueFlag(commands, verb, name) : nullptr;
    if (flag == nullptr) {
      if (verb.empty() && !IsFlag(word)) verb = word;
      words.push_back(word);
      continue;
    }
    const bool attached = name.size() < word.size();
    if (!attached && i + 1 >= arguments.size()) {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("flag '{}' needs a value", name),
                  fmt::format("Write {} {}.", name, flag->value));
    }
    const std::string value = attached ? word.substr(name.size() + 1) : arguments[++i];
    if (!value.empty()) words.push_back(fmt::format("{}={}", flag->name, value));
  }
  return normal;
}

std::string DidYouMean(std::string_view word, std::span<const std::string_view> candidates) {
  const std::string_view nearest = Nearest(word, candidates);
  if (!nearest.empty()) return fmt::format("Did you mean '{}'?", nearest);
  return {};
}

tl::unexpected<Error> Usage(std::string message, std::string hint) {
  if (hint.empty()) hint = "'spawnctl --help' lists the commands.";
  return Fail(ErrorCode::kInvalidArgument, std::move(message), std::move(hint));
}

std::string Shown(std::string_view word) {
  return OneLine(word.substr(0, 80));
}

/// Takes the first word that is no flag out of `words`; empty when there is none.
std::string TakeWord(Words& words) {
  for (size_t i = 0; i < words.size(); ++i) {
    if (IsFlag(words[i])) continue;
    std::string word = std::move(words[i]);
    words.erase(words.begin() + static_cast<ptrdiff_t>(i));
    return word;
  }
  return {};
}

bool Asks(const Words& words, std::string_view flag, std::string_view short_flag) {
  return std::any_of(words.begin(), words.end(),
                     [&](const std::string& word) { return word == flag || word == short_flag; });
}

std::vector<std::string_view> AllResourceWords() {
  std::vector<std::string_view> words;
  for (const Resource& resource : Resources()) {
    words.insert(words.end(), {resource.name, resource.plural});
  }
  return words;
}

/// The rows of the table with this verb.
std::vector<const Command*> WithVerb(std::span<const Command> commands, std::string_view verb) {
  std::vector<const Command*> found;
  for (const Command& command : commands) {
    if (command.verb == verb) found.push_back(&command);
  }
  return found;
}

/// Most likely the name of what it is to be done with, as other programs take it.
std::string ResourceHint(const std::vector<const Command*>& candidates, std::string_view word) {
  const Command& first = *candidates.front();
  if (candidates.size() == 1) {
    return fmt::format("The resource goes before it: spawnctl {} {} {}", first.verb, first.resource,
                       Shown(word));
  }
  std::vector<std::string_view> names;
  for (const Command* command : candidates) names.push_back(command->resource);
  return fmt::format("'{}' takes one of {}.", first.verb, fmt::join(names, ", "));
}

Result<const Command*> ChooseResource(const std::vector<const Command*>& candidates, std::string_view word) {
  std::vector<std::string_view> names;
  for (const Command* command : candidates) names.push_back(command->resource);
  const std::string_view verb = candidates.front()->verb;
  if (word.empty()) {
    return Usage(fmt::format("{} what? the resource is missing", verb),
                 fmt::format("One of {}.", fmt::join(names, ", ")));
  }
  const Resource* resource = FindResource(word);
  if (resource == nullptr) {
    const std::string hint = DidYouMean(word, AllResourceWords());
    return Usage(fmt::format("unknown resource '{}'", Shown(word)),
                 !hint.empty() ? hint : ResourceHint(candidates, word));
  }
  for (const Command* command : candidates) {
    if (command->resource == resource->name) return command;
  }
  return Usage(fmt::format("'{}' does not work on {}", verb, resource->plural),
               fmt::format("It takes one of {}.", fmt::join(names, ", ")));
}

std::string FullName(const Command& command) {
  return command.resource.empty() ? std::string(command.verb)
                                  : fmt::format("{} {}", command.verb, command.resource);
}

/// As a shell reads it back.
std::string ShellWord(const std::string& word) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=,@%+";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

bool Spells(std::string_view word, const Flag& flag) {
  if (FlagName(word) == flag.name || FlagName(word) == flag.short_name) return true;
  return !flag.short_name.empty() && !flag.value.empty() && word.starts_with(flag.short_name);  // -nmine
}

/// The line with two dashes before the first word that `command` cannot take itself.
std::string WithDashes(const Command& command, const Words& arguments) {
  const std::vector<Flag> flags = FlagsOf(command);
  size_t places = 1 + command.max_arguments;  // for words that are no flags; the verb has one
  size_t own = 0;
  for (; own < arguments.size(); ++own) {
    const std::string& word = arguments[own];
    if (word.empty()) continue;
    if (!IsFlag(word)) {
      if (places == 0) break;
      --places;
      continue;
    }
    const auto flag =
        std::find_if(flags.begin(), flags.end(), [&](const Flag& known) { return Spells(word, known); });
    if (flag == flags.end()) break;
    if (flag->name == "--image" && places > 0) --places;  // what would stand there is said
    if (!flag->value.empty() && (word == flag->name || word == flag->short_name)) ++own;
  }
  std::string line = "spawnctl";
  for (size_t i = 0; i < arguments.size(); ++i) {
    line += (i == own ? " -- " : " ") + ShellWord(arguments[i]);
  }
  return line;
}

Error UnknownFlag(const Command& command, std::string_view word) {
  std::vector<std::string_view> names;
  const std::vector<Flag> flags = FlagsOf(command);
  for (const Flag& flag : flags) names.push_back(flag.name);
  std::string hint = DidYouMean(FlagName(word), names);
  const std::string full = FullName(command);
  const bool is_file = FlagName(word) == "-f" || FlagName(word) == "--file";
  if (is_file && command.arguments == "<file>") hint = "The file is an argument, without a flag.";
  if (hint.empty()) hint = fmt::format("'spawnctl {} --help' lists the flags.", full);
  return {ErrorCode::kInvalidArgument, fmt::format("unknown flag '{}' for '{}'", Shown(FlagName(word)), full),
          std::move(hint)};
}

/// Lets CLI11 sort flags from arguments. Its exceptions end here.
Result<Invocation> ParseFlags(const Command& command, Words words, Words trailing) {
  CLI::App app;
  app.set_help_flag("");
  app.allow_extras();
  Words arguments;
  app.add_option("arguments", arguments);
  std::deque<std::pair<Flag, Words>> storage;  // addresses stay while it grows
  for (const Flag& flag : FlagsOf(command)) {
    auto& [kept, values] = storage.emplace_back(flag, Words());
    const std::string names =
        flag.short_name.empty() ? std::string(flag.name) : fmt::format("{},{}", flag.short_name, flag.name);
    if (flag.value.empty()) {
      app.add_flag(names)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    } else {
      app.add_option(names, values)->allow_extra_args(false);
    }
  }
  std::reverse(words.begin(), words.end());  // the order in which CLI11 takes a vector
  try {
    app.parse(std::move(words));
  } catch (const CLI::Error& error) {
    return Usage(OneLine(error.what()), {});
  }
  for (const std::string& word : app.remaining()) {
    if (IsFlag(word)) return Fail(UnknownFlag(command, word));
  }
  Invocation invocation;
  for (const auto& [flag, values] : storage) {
    if (app.count(std::string(flag.name)) > 0) invocation.Set(flag.name, values);
  }
  if (!command.trailing) arguments.insert(arguments.end(), trailing.begin(), trailing.end());
  invocation.SetArguments(std::move(arguments));
  if (command.trailing) invocation.SetTrailing(std::move(trailing));
  return invocation;
}

/// `empty_word`: one of the words was empty. Where there is another argument, or none is wanted, that is an
/// unset variable in a place that does not matter.
Result<void> CheckArguments(const Command& command, const Invocation& invocation, bool empty_word) {
  const std::vector<std::string>& given = invocation.Arguments();
  const std::string full = FullName(command);
  if (command.verb == "get" && command.max_arguments > 0 && given.empty() && empty_word) {
    return Usage(fmt::format("the {} to get is empty", command.resource),
                 fmt::format("Is a variable of the script unset? 'spawnctl get {}' lists all.",
                             FindResource(command.resource)->plural));
  }
  if (given.size() < command.min_arguments) {
    return Usage(fmt::format("'{}' needs {}", full, command.arguments),
                 fmt::format("'spawnctl {} --help' has examples.", full));
  }
  if (given.size() > command.max_arguments) {
    return Usage(
        fmt::format("'{}' does not take the argument '{}'", full, Shown(given[command.max_arguments])),
        fmt::format("'spawnctl {} --help' has examples.", full));
  }
  return {};
}

}  // namespace

Result<CommandLine> ParseCommandLine(std::span<const Command> commands,
                                     const std::vector<std::string>& arguments) {
  if (arguments.size() > kMaxArguments) return Usage("too many arguments", {});
  const auto dashes = std::find(arguments.begin(), arguments.end(), "--");
  Words trailing(dashes == arguments.end() ? dashes : dashes + 1, arguments.end());
  TRY_ASSIGN(NormalWords normal, Normalise(commands, Words(arguments.begin(), dashes)));
  Words& words = normal.words;
  bool help = Asks(words, "--help", "-h");
  CommandLine line;
  std::string verb = TakeWord(words);
  if (verb == "help") {
    help = true;
    verb = TakeWord(words);
  }
  if (verb.empty()) {
    if (!help && Asks(words, "--version", "--version")) line.wanted = CommandLine::Wanted::kVersion;
    return line;
  }
  const std::vector<const Command*> candidates = WithVerb(commands, verb);
  if (candidates.empty()) {
    std::vector<std::string_view> verbs;
    for (const Command& command : commands) verbs.push_back(command.verb);
    return Usage(fmt::format("unknown command '{}'", Shown(verb)), DidYouMean(verb, verbs));
  }
  line.verb = candidates.front()->verb;
  if (candidates.front()->resource.empty()) {
    line.command = candidates.front();
  } else {
    const std::string resource = TakeWord(words);
    if (help && resource.empty()) {
      // The only thing that it can mean.
      if (candidates.size() == 1) line.command = candidates.front();
      return line;
    }
    TRY_ASSIGN(line.command, ChooseResource(candidates, resource));
  }
  if (help) return line;
  auto invocation = ParseFlags(*line.command, std::move(words), std::move(trailing));
  auto taken = invocation ? CheckArguments(*line.command, *invocation, normal.dropped_empty)
                          : Fail(std::move(invocation.error()));
  const bool runs_another = line.command->arguments.find("--") != std::string_view::npos;
  if (!taken && runs_another && dashes == arguments.end() && !taken.error().hint.starts_with("Did you")) {
    taken.error().hint = fmt::format("The other program's words stand behind two dashes: {}",
                                     WithDashes(*line.command, arguments));
  }
  TRY(std::move(taken));
  line.invocation = std::move(*invocation);
  line.wanted = CommandLine::Wanted::kRun;
  return line;
}

}  // namespace spawnd::client
