/// context: names for daemons, as docker's contexts.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "api/json_writer.h"
#include "api/mapping.h"
#include "client/contexts.h"
#include "client/http/daemon_client.h"
#include "client/output/output.h"
#include "client/output/table.h"
#include "client/output/terminal.h"
#include "client/verbs/flags.h"
#include "client/verbs/session.h"
#include "client/verbs/verbs.h"

namespace spawnd::client {
namespace {

struct Listed {
  std::string name;
  std::string endpoint;
  bool current = false;
};
void Describe(auto& visit, api::Is<Listed> auto& x) {
  visit.Field("name", x.name);
  visit.Field("endpoint", x.endpoint);
  visit.Field("current", x.current);
}

std::vector<Listed> All(const Contexts& contexts) {
  const std::string current = contexts.current.empty() ? kDefaultContext : contexts.current;
  std::vector<Listed> all{{kDefaultContext, std::string(kDefaultEndpoint), current == kDefaultContext}};
  for (const Context& one : contexts.contexts) all.push_back({one.name, one.endpoint, one.name == current});
  return all;
}

Result<void> CheckName(const std::string& name) {
  const auto allowed = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
  };
  if (!name.empty() && name.size() <= 63 && std::all_of(name.begin(), name.end(), allowed)) return {};
  return Fail(ErrorCode::kInvalidArgument, fmt::format("'{}' is no name for a context", name.substr(0, 100)),
              "A name has up to 63 letters, digits, and -_. characters.");
}

Result<void> List(const Invocation& invocation, const Contexts& contexts) {
  TRY_ASSIGN(const Output output, OutputOf(invocation));
  const std::vector<Listed> all = All(contexts);
  if (output.format != Format::kTable) {
    TRY_ASSIGN(const std::string text, Render(api::JsonOf(all, api::Empties::kKeep), output));
    return WriteOut(text);
  }
  std::vector<std::vector<std::string>> rows{{"Name", "Endpoint", "Current"}};
  for (const Listed& one : all) rows.push_back({one.name, one.endpoint, one.current ? "*" : ""});
  return WriteOut(FormatTable(rows));
}

Result<std::string> Create(Contexts& contexts, const std::string& name, const std::string& endpoint) {
  TRY(CheckName(name));
  TRY(ParseEndpoint(endpoint));
  if (name == kDefaultContext) {
    return Fail(ErrorCode::kInvalidArgument, "the context 'default' is this machine's, and stays",
                "Choose another name.");
  }
  if (contexts.Find(name) != nullptr) {
    return Fail(ErrorCode::kInUse, fmt::format("there is a context '{}' already", name),
                fmt::format("`spawnctl context delete {}` first, or choose another name.", name));
  }
  contexts.contexts.push_back({name, endpoint});
  TRY(WriteContexts(contexts));
  return fmt::format("Context '{}' created! `spawnctl context use {}` makes it the one that is asked.\n",
                     name, name);
}

Result<std::string> Use(Contexts& contexts, const std::string& name) {
  TRY(contexts.EndpointOf(name));
  contexts.current = name == kDefaultContext ? "" : name;
  TRY(WriteContexts(contexts));
  return fmt::format("Context '{}' is asked from now on.\n", name);
}

Result<std::string> Delete(Contexts& contexts, const std::string& name) {
  if (name == kDefaultContext) {
    return Fail(ErrorCode::kInvalidArgument, "the context 'default' is this machine's, and stays");
  }
  TRY(contexts.EndpointOf(name));
  std::erase_if(contexts.contexts, [&](const Context& one) { return one.name == name; });
  if (contexts.current == name) contexts.current.clear();
  TRY(WriteContexts(contexts));
  return fmt::format("Context '{}' deleted!\n", name);
}

Error BadUsage(const std::string& word) {
  return {ErrorCode::kInvalidArgument, fmt::format("'context {}' is not understood", word.substr(0, 100)),
          "There are: context [list], context create NAME ENDPOINT, context use NAME, context delete NAME."};
}

/// What was chosen counts for nothing while the environment says something else: a delete would go elsewhere.
void WarnOfEnvironment() {
  for (const char* name : {"SPAWNCTL_API_ENDPOINT", "SPAWNCTL_CONTEXT"}) {
    const char* value = ::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    WriteError(fmt::format(
        "warning: {} is set and counts before the chosen context; unset it, or say --context\n", name));
    return;
  }
}

Result<int> ContextCommand(const Invocation& invocation) {
  TRY_ASSIGN(Contexts contexts, ReadContexts());
  if (!invocation.Has("--quiet")) WarnOfEnvironment();
  const std::vector<std::string>& words = invocation.Arguments();
  const std::string verb = words.empty() ? "list" : words.front();
  if ((verb == "list" || verb == "ls") && words.size() <= 1)
    return List(invocation, contexts).map([] { return 0; });
  Result<std::string> done = Fail(BadUsage(verb));
  if (verb == "create" && words.size() == 3) done = Create(contexts, words[1], words[2]);
  if (verb == "use" && words.size() == 2) done = Use(contexts, words[1]);
  if ((verb == "delete" || verb == "rm") && words.size() == 2) done = Delete(contexts, words[1]);
  if (!done) return Fail(std::move(done.error()));
  if (!invocation.Has("--quiet")) TRY(WriteOut(*done));
  return 0;
}

constexpr std::array<Flag, 2> kFlags{{{"--output", "-o", "<format>", "json or yaml"}, kFormatFlag}};

constexpr std::array<Command, 1> kRows{{
    {"context", "", "[create <name> <endpoint> | use <name> | delete <name>]", 0, 3,
     "Name daemons, on this machine or others, and choose the one that is asked",
     "  spawnctl context create ci ssh://ann@build7\n  spawnctl context use ci\n  spawnctl context\n", kFlags,
     ContextCommand},
}};

}  // namespace

std::span<const Command> ContextCommands() {
  return kRows;
}

}  // namespace spawnd::client
