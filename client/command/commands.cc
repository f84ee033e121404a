/// The command table: joins the rows of the verb families (verbs/) in the order of help.
#include <algorithm>
#include <array>
#include <vector>

#include "client/command/command.h"
#include "client/verbs/verbs.h"

namespace spawnd::client {
namespace {

constexpr std::array<Flag, 4> kCommonFlags{{
    {"--context", "", "<name>", "the daemon to ask, by the name that `spawnctl context` gave it"},
    {"--accessToken", "", "<token>", "who you are, where the socket does not say it"},
    {"--quiet", "-q", "", "say nothing that was not asked for"},
    {"--help", "-h", "", "this text"},
}};

/// The order of help; a verb that is not here comes last.
constexpr std::array<std::string_view, 26> kVerbOrder{
    "create",  "get",     "update", "save",    "reset",   "load",    "graduate",   "start",      "stop",
    "restart", "delete",  "export", "import",  "run",     "proxy",   "connect",    "logs",       "events",
    "auth",    "onboard", "doctor", "context", "metrics", "version", "completion", "dial-stdio",
};
constexpr std::array<Resource, 7> kResources{{
    {"data-image", "data-images", "di"},
    {"data-container", "data-containers", "dc"},
    {"data-source", "data-sources", "ds"},
    {"access-token", "access-tokens", "at"},
    {"engine", "engines", ""},
    {"pool", "pool", ""},
    {"ca", "ca", ""},
}};

/// Where a row stands in help; the families' own order decides among equals.
std::pair<size_t, size_t> Position(const Command& command) {
  const auto verb = std::find(kVerbOrder.begin(), kVerbOrder.end(), command.verb);
  const auto resource = std::find_if(kResources.begin(), kResources.end(),
                                     [&](const Resource& known) { return known.name == command.resource; });
  return {verb - kVerbOrder.begin(), resource - kResources.begin()};
}

std::vector<Command> Joined() {
  std::vector<Command> joined;
  for (const auto family : {
           DataImageCommands,
           DataContainerCommands,
           DataSourceCommands,
           LogCommands,
           RevisionCommands,
           StartCommands,
           TransferCommands,
           UseCommands,
           DaemonCommands,
           DoctorCommands,
           ContextCommands,
           DialCommands,
           EngineCommands,
           EventCommands,
           MetricsCommands,
           CompletionCommands,
           AccessTokenCommands,
       }) {
    const std::span<const Command> rows = family();
    joined.insert(joined.end(), rows.begin(), rows.end());
  }
  std::stable_sort(joined.begin(), joined.end(),
                   [](const Command& a, const Command& b) { return Position(a) < Position(b); });
  return joined;
}

std::vector<Resource> ResourcesInUse() {
  std::vector<Resource> used;
  for (const Resource& resource : kResources) {
    const auto commands = Commands();
    const bool in_use = std::any_of(commands.begin(), commands.end(), [&](const Command& command) {
      return command.resource == resource.name;
    });
    if (in_use) used.push_back(resource);
  }
  return used;
}

bool Spells(const Flag& flag, std::string_view word) {
  return word == flag.name || (!flag.short_name.empty() && word == flag.short_name);
}

}  // namespace

std::span<const Flag> CommonFlags() {
  return kCommonFlags;
}

std::vector<Flag> CommonFlagsOf(const Command& command) {
  std::vector<Flag> flags;
  for (const Flag& common : kCommonFlags) {
    const bool own = std::any_of(command.flags.begin(), command.flags.end(),
                                 [&](const Flag& flag) { return flag.name == common.name; });
    if (!own) flags.push_back(common);
  }
  return flags;
}

std::vector<Flag> FlagsOf(const Command& command) {
  std::vector<Flag> flags(command.flags.begin(), command.flags.end());
  const std::vector<Flag> common = CommonFlagsOf(command);
  flags.insert(flags.end(), common.begin(), common.end());
  return flags;
}

std::span<const Command> Commands() {
  static const std::vector<Command> commands = Joined();
  return commands;
}

std::span<const Resource> Resources() {
  static const std::vector<Resource> resources = ResourcesInUse();
  return resources;
}

const Resource* FindResource(std::string_view word) {
  for (const Resource& resource : Resources()) {
    if (word == resource.name || word == resource.plural || word == resource.short_name) return &resource;
  }
  return nullptr;
}

const Flag* ValueFlag(std::span<const Command> commands, std::string_view verb, std::string_view name) {
  const auto find = [name](std::span<const Flag> flags) -> const Flag* {
    for (const Flag& flag : flags) {
      if (Spells(flag, name) && !flag.value.empty()) return &flag;
    }
    return nullptr;
  };
  if (const Flag* common = find(CommonFlags())) return common;
  const auto of_verb = [verb](const Command& command) { return command.verb == verb; };
  const bool known = std::any_of(commands.begin(), commands.end(), of_verb);
  for (const Command& command : commands) {
    if (known && !of_verb(command)) continue;
    if (const Flag* flag = find(command.flags)) return flag;
  }
  return nullptr;
}

}  // namespace spawnd::client
