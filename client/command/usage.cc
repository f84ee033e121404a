#include "client/command/usage.h"

#include <fmt/core.h>

#include <algorithm>
#include <vector>

namespace spawnd::client {
namespace {

std::string Joined(std::string_view a, std::string_view b) {
  return b.empty() ? std::string(a) : fmt::format("{} {}", a, b);
}

std::string FlagText(const Flag& flag) {
  const std::string short_form = flag.short_name.empty() ? "    " : fmt::format("{}, ", flag.short_name);
  return Joined(short_form + std::string(flag.name), flag.value);
}

/// Two columns, indented; the first as wide as its longest cell.
std::string TwoColumns(const std::vector<std::pair<std::string, std::string_view>>& rows) {
  size_t width = 0;
  for (const auto& row : rows) width = std::max(width, row.first.size());
  std::string text;
  for (const auto& [left, right] : rows) text += fmt::format("  {:{}}   {}\n", left, width, right);
  return text;
}

std::string FlagsText(std::span<const Flag> flags) {
  std::vector<std::pair<std::string, std::string_view>> rows;
  for (const Flag& flag : flags) rows.emplace_back(FlagText(flag), flag.help);
  return TwoColumns(rows);
}

}  // namespace

std::string CommandTableText(std::span<const Command> commands, std::string_view verb) {
  std::string text;
  if (verb.empty()) {
    text +=
        "spawnctl asks spawnd for databases: images made once from a backup, containers from them in no "
        "time.\n\n";
  }
  text += "Usage:\n  spawnctl <command> [arguments] [flags]\n\nCommands:\n";
  std::vector<std::pair<std::string, std::string_view>> rows;
  for (const Command& command : commands) {
    if (!verb.empty() && command.verb != verb) continue;
    rows.emplace_back(Joined(Joined(command.verb, command.resource), command.arguments), command.summary);
  }
  text += TwoColumns(rows);
  text += "\nResources:\n";
  for (const Resource& resource : Resources()) {
    text += fmt::format("  {}", resource.name);
    if (resource.plural != resource.name) text += fmt::format(", {}", resource.plural);
    if (!resource.short_name.empty()) text += fmt::format(", {}", resource.short_name);
    text += "\n";
  }
  text += "\nFlags of every command:\n" + FlagsText(CommonFlags());
  text +=
      "\nEnvironment:\n"
      "  SPAWNCTL_API_ENDPOINT   the daemon, unix:///path or ssh://user@host (default "
      "unix:///run/spawnd/spawnd.sock)\n"
      "  SPAWNCTL_CONTEXT        as --context, where no endpoint is set\n"
      "  SPAWNCTL_ACCESS_TOKEN   as --accessToken\n"
      "\n'spawnctl <command> --help' has the flags and examples of one command.\n";
  return text;
}

std::string CommandHelpText(const Command& command) {
  const std::string name = Joined(command.verb, command.resource);
  std::string text =
      fmt::format("{}\n\nUsage:\n  spawnctl {} [flags]\n", command.summary, Joined(name, command.arguments));
  if (!command.examples.empty()) text += fmt::format("\nExamples:\n{}", command.examples);
  if (!command.flags.empty()) text += "\nFlags:\n" + FlagsText(command.flags);
  return text + "\nFlags of every command:\n" + FlagsText(CommonFlagsOf(command));
}

}  // namespace spawnd::client
