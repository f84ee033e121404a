/// completion: the script for a shell, and what that script asks for at each press of the tab key.
#include "client/completion.h"

#include <fmt/core.h>

#include <array>

#include "api/json.h"
#include "client/terminal.h"
#include "client/text.h"
#include "client/verbs/session.h"
#include "client/verbs/verbs.h"

namespace spawnd::client {
namespace {

Result<std::vector<std::string>> Images(const DaemonClient& daemon) {
  TRY_ASSIGN(const std::string json, daemon.Get(std::string(kImagesPath)));
  TRY_ASSIGN(const auto images, api::FromJson<std::vector<api::DataImage>>(json));
  std::vector<std::string> names;
  for (const api::DataImage& image : images) {
    names.push_back(image.name);
    for (const std::string& tag : image.tags) names.push_back(image.name + ":" + tag);
  }
  return names;
}

Result<std::vector<std::string>> Containers(const DaemonClient& daemon) {
  TRY_ASSIGN(const std::string json, daemon.Get(std::string(kContainersPath)));
  TRY_ASSIGN(const auto containers, api::FromJson<std::vector<api::DataContainer>>(json));
  std::vector<std::string> names;
  for (const api::DataContainer& container : containers) names.push_back(container.name);
  return names;
}

Result<int> PrintWords(const Invocation& invocation) {
  // Who presses the tab key wants no error: without a daemon there are no names.
  const NamesOf names = [&invocation](std::string_view resource) {
    const auto daemon = FindDaemon(invocation);
    if (!daemon) return std::vector<std::string>();
    return (resource == "data-image" ? Images(*daemon) : Containers(*daemon))
        .value_or(std::vector<std::string>());
  };
  std::string text;
  for (const Candidate& candidate : Complete(Commands(), invocation.Trailing(), names)) {
    text += OneLine(candidate.word);
    if (!candidate.about.empty()) text += fmt::format("\t{}", candidate.about);
    text += '\n';
  }
  TRY(WriteOut(text));
  return 0;
}

Result<int> Completion(const Invocation& invocation) {
  const std::string& shell = invocation.Arguments().front();
  if (shell == "words") return PrintWords(invocation);
  TRY_ASSIGN(const std::string_view script, CompletionScript(shell));
  TRY(WriteOut(script));
  return 0;
}

constexpr std::array<Command, 1> kRows{{
    {"completion",
     "",
     "bash|zsh|fish",
     1,
     1,
     "Print what a shell needs to complete spawnctl's command lines",
     "  source <(spawnctl completion bash)\n  spawnctl completion fish | source\n",
     {},
     Completion,
     true},
}};

}  // namespace

std::span<const Command> CompletionCommands() {
  return kRows;
}

}  // namespace spawnd::client
