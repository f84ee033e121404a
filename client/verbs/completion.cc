/// completion: the script for a shell, and what that script asks for at each press of the tab key.
#include "client/command/completion.h"

#include <fmt/core.h>

#include <array>
#include <set>

#include "api/json.h"
#include "api/source/types.h"
#include "client/contexts.h"
#include "client/output/terminal.h"
#include "client/output/text.h"
#include "client/verbs/session.h"
#include "client/verbs/verbs.h"

namespace spawnd::client {
namespace {

using Names = std::vector<std::string>;

Result<std::vector<api::DataImage>> AllImages(const DaemonClient& daemon) {
  TRY_ASSIGN(const std::string json, daemon.Get(std::string(kImagesPath)));
  return api::FromJson<std::vector<api::DataImage>>(json);
}

Result<Names> Images(const DaemonClient& daemon) {
  TRY_ASSIGN(const auto images, AllImages(daemon));
  Names names;
  for (const api::DataImage& image : images) {
    names.push_back(image.name);
    for (const std::string& tag : image.tags) names.push_back(image.name + ":" + tag);
  }
  return names;
}

/// Each tag, or team, that some image has.
Result<Names> OfImages(const DaemonClient& daemon, Names api::DataImage::*member) {
  TRY_ASSIGN(const auto images, AllImages(daemon));
  std::set<std::string> names;
  for (const api::DataImage& image : images) names.insert((image.*member).begin(), (image.*member).end());
  return Names(names.begin(), names.end());
}

Result<Names> RevisionsOf(const DaemonClient& daemon, std::string_view container) {
  TRY_ASSIGN(const std::string json, daemon.Get(DaemonClient::Target(kContainersPath, container)));
  TRY_ASSIGN(const auto found, api::FromJson<api::DataContainer>(json));
  Names names;
  for (const api::Revision& revision : found.revisions) names.push_back(revision.name);
  return names;
}

Result<Names> Containers(const DaemonClient& daemon) {
  TRY_ASSIGN(const std::string json, daemon.Get(std::string(kContainersPath)));
  TRY_ASSIGN(const auto containers, api::FromJson<std::vector<api::DataContainer>>(json));
  Names names;
  for (const api::DataContainer& container : containers) names.push_back(container.name);
  return names;
}

Result<Names> Sources(const DaemonClient& daemon) {
  TRY_ASSIGN(const std::string json, daemon.Get(std::string(kSourcesPath)));
  TRY_ASSIGN(const auto sources, api::FromJson<std::vector<api::DataSource>>(json));
  Names names;
  for (const api::DataSource& source : sources) names.push_back(source.name);
  return names;
}

Result<Names> NamesFrom(const Invocation& invocation, std::string_view kind, std::string_view of) {
  if (kind == "context") {
    TRY_ASSIGN(const Contexts contexts, ReadContexts());
    Names known{kDefaultContext};
    for (const Context& context : contexts.contexts) known.push_back(context.name);
    return known;
  }
  TRY_ASSIGN(const DaemonClient daemon, FindDaemon(invocation));
  if (kind == "data-image") return Images(daemon);
  if (kind == "data-source") return Sources(daemon);
  if (kind == "tag") return OfImages(daemon, &api::DataImage::tags);
  if (kind == "team") return OfImages(daemon, &api::DataImage::teams);
  if (kind == "revision") return RevisionsOf(daemon, of);
  return Containers(daemon);
}

Result<int> PrintWords(const Invocation& invocation) {
  // Who presses the tab key wants no error: without a daemon there are no names.
  const NamesOf names = [&invocation](std::string_view kind, std::string_view of) {
    return NamesFrom(invocation, kind, of).value_or(Names());
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
