#include "client/command/completion.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <utility>

#include "client/output/text.h"

namespace spawnd::client {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kScripts{{
    {"bash", R"SHELL(# bash completion for spawnctl: source <(spawnctl completion bash)
_spawnctl() {
  local line=${COMP_LINE:0:COMP_POINT} words current found prefix
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=('')
  current=${words[-1]}
  mapfile -t found < <(spawnctl completion words -- "${words[@]:1}" 2>/dev/null | cut -f 1)
  # readline takes what stands behind ':' and '=' for a word of its own.
  prefix=${current%"${current##*[:=]}"}
  COMPREPLY=("${found[@]#"$prefix"}")
}
complete -o default -F _spawnctl spawnctl
)SHELL"},
    {"zsh", R"SHELL(#compdef spawnctl
# zsh completion for spawnctl: source <(spawnctl completion zsh)
_spawnctl() {
  local -a found
  found=(${${(f)"$(spawnctl completion words -- "${(@)words[2,CURRENT]}" 2>/dev/null)"}%%$'\t'*})
  if (( $#found )); then compadd -a found; else _files; fi
}
if [[ ${funcstack[1]-} == _spawnctl ]]; then _spawnctl; else compdef _spawnctl spawnctl; fi
)SHELL"},
    {"fish", R"SHELL(# fish completion for spawnctl: spawnctl completion fish | source
complete -c spawnctl -k -a '(spawnctl completion words -- (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
)SHELL"},
}};

struct FlagValues {
  std::string_view flag;
  std::vector<std::string_view> values;
};

const std::vector<FlagValues>& KnownValues() {
  static const std::vector<FlagValues> values{
      {"--durability", {"everysec", "always"}},
      {"--output", {"json", "yaml", "name", "host", "port", "url", "jdbc", "env", "wide"}},
  };
  return values;
}

/// What has been typed before the word that is being completed.
struct Typed {
  std::vector<std::string> words;  ///< no flags and no values of flags
  std::string_view flag_of_value;  ///< not empty: the value of this flag comes now
  bool behind_dashes = false;
};

Typed TypedBefore(std::span<const Command> commands, const std::vector<std::string>& words) {
  Typed typed;
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") {
      typed.behind_dashes = true;
      return typed;
    }
    if (!word.starts_with('-')) {
      if (!word.empty()) typed.words.push_back(word);
      continue;
    }
    const Flag* flag = ValueFlag(commands, typed.words.empty() ? "" : typed.words.front(), word);
    if (flag == nullptr) continue;
    if (i + 2 == words.size()) typed.flag_of_value = flag->name;
    ++i;  // its value
  }
  return typed;
}

std::vector<const Command*> Matching(std::span<const Command> commands, const Typed& typed) {
  std::vector<const Command*> matching;
  const Resource* resource = typed.words.size() < 2 ? nullptr : FindResource(typed.words[1]);
  for (const Command& command : commands) {
    if (typed.words.empty() || command.verb != typed.words[0]) continue;
    const bool fits = command.resource.empty() || typed.words.size() < 2 ||
                      (resource != nullptr && command.resource == resource->name);
    if (fits) matching.push_back(&command);
  }
  return matching;
}

std::vector<Candidate> Named(std::vector<std::string> names) {
  std::vector<Candidate> candidates;
  for (std::string& name : names) candidates.push_back({std::move(name), {}});
  return candidates;
}

std::vector<Candidate> ValuesOf(std::string_view flag, const Typed& typed, const NamesOf& names) {
  if (flag == "--image") return Named(names("data-image", {}));
  if (flag == "--source") return Named(names("data-source", {}));
  if (flag == "--context") return Named(names("context", {}));
  if (flag == "--remove-tag") return Named(names("tag", {}));
  if (flag == "--remove-team") return Named(names("team", {}));
  if (flag == "--tag" || flag == "--team") return Named(names(flag.substr(2), {}));
  if (flag == "--revision") {
    return typed.words.size() < 3 ? std::vector<Candidate>() : Named(names("revision", typed.words[2]));
  }
  std::vector<Candidate> candidates;
  for (const FlagValues& known : KnownValues()) {
    if (known.flag != flag) continue;
    for (const std::string_view value : known.values) candidates.push_back({std::string(value), {}});
  }
  return candidates;
}

/// Before it is clear which command it will be: what every one has.
std::vector<Candidate> FlagCandidates(const std::vector<const Command*>& commands) {
  std::vector<Flag> flags(CommonFlags().begin(), CommonFlags().end());
  if (commands.size() == 1) flags = FlagsOf(*commands.front());
  std::vector<Candidate> candidates;
  for (const Flag& flag : flags) candidates.push_back({std::string(flag.name), flag.help});
  return candidates;
}

std::vector<Candidate> Verbs(std::span<const Command> commands) {
  std::vector<Candidate> candidates;
  for (const Command& command : commands) {
    const bool there = !candidates.empty() && candidates.back().word == command.verb;
    if (!there) {
      candidates.push_back(
          {std::string(command.verb), command.resource.empty() ? command.summary : std::string_view()});
    }
  }
  return candidates;
}

std::vector<Candidate> ResourcesFor(const std::vector<const Command*>& commands) {
  std::vector<Candidate> candidates;
  for (const Command* command : commands) {
    candidates.push_back({std::string(command->resource), command->summary});
    if (command->min_arguments > 0 || command->verb != "get") continue;
    for (const Resource& resource : Resources()) {
      if (resource.name == command->resource)
        candidates.push_back({std::string(resource.plural), command->summary});
    }
  }
  return candidates;
}

std::vector<Candidate> Arguments(const Command& command, const Typed& typed, const NamesOf& names) {
  if (command.verb == "context") {
    if (typed.words.size() == 1) return Named({"list", "create", "use", "delete"});
    const bool takes_one = typed.words.size() == 2 && (typed.words[1] == "use" || typed.words[1] == "delete");
    return takes_one ? Named(names("context", {})) : std::vector<Candidate>();
  }
  if (command.verb == "completion") return Named({"bash", "zsh", "fish"});
  if (command.max_arguments == 0) return {};
  if (command.arguments.find("<container>") != std::string_view::npos) {
    return Named(names("data-container", {}));
  }
  if (command.arguments.find("<source>") != std::string_view::npos) return Named(names("data-source", {}));
  if (command.arguments.find("<image>") != std::string_view::npos) return Named(names("data-image", {}));
  return {};
}

/// "--image=sh": whole words, as they will stand.
std::vector<Candidate> AttachedValues(std::span<const Command> commands, const Typed& typed,
                                      std::string_view word, const NamesOf& names) {
  const std::string_view name = word.substr(0, word.find('='));
  const Flag* flag = ValueFlag(commands, typed.words.empty() ? "" : typed.words.front(), name);
  if (flag == nullptr) return {};
  auto candidates = ValuesOf(flag->name, typed, names);
  for (Candidate& candidate : candidates) candidate.word = fmt::format("{}={}", name, candidate.word);
  return candidates;
}

std::vector<Candidate> Next(std::span<const Command> commands, const Typed& typed, std::string_view current,
                            const NamesOf& names) {
  if (typed.behind_dashes) return {};
  if (!typed.flag_of_value.empty()) return ValuesOf(typed.flag_of_value, typed, names);
  const bool flag = current.starts_with('-');
  if (flag && current.find('=') != std::string_view::npos) {
    return AttachedValues(commands, typed, current, names);
  }
  const auto matching = Matching(commands, typed);
  if (flag) return FlagCandidates(matching);
  if (typed.words.empty()) return Verbs(commands);
  if (matching.empty()) return {};
  if (!matching.front()->resource.empty() && typed.words.size() == 1) return ResourcesFor(matching);
  return Arguments(*matching.front(), typed, names);
}

/// Whether a word means itself to bash, zsh and fish alike, inside of quotes too. Team names are free text
/// that others choose: shells run what stands in "$(...)" as soon as such a line is entered. How a script
/// would have to quote it depends on the shell and on what has been typed before, so a word that needs quotes
/// is not offered.
bool IsPlainWord(std::string_view word) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=,@%+";
  return !word.empty() && word.find_first_not_of(kPlain) == std::string_view::npos;
}

}  // namespace

std::vector<Candidate> Complete(std::span<const Command> commands, const std::vector<std::string>& words,
                                const NamesOf& names) {
  const std::string_view current = words.empty() ? std::string_view() : std::string_view(words.back());
  auto candidates = Next(commands, TypedBefore(commands, words), current, names);
  std::erase_if(candidates, [current](const Candidate& one) {
    return !one.word.starts_with(current) || !IsPlainWord(one.word);
  });
  return candidates;
}

Result<std::string_view> CompletionScript(std::string_view shell) {
  for (const auto& [name, script] : kScripts) {
    if (name == shell) return script;
  }
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("no completion for shell '{}'", OneLine(shell.substr(0, 64))),
              "There is one for bash, zsh and fish.");
}

}  // namespace spawnd::client
