/// What the verbs have in common: where the daemon is, a create that shows its progress, several deletes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "client/command/command.h"
#include "client/http/daemon_client.h"
#include "client/output/output.h"
#include "client/output/progress_display.h"
#include "client/output/terminal.h"

namespace spawnd::client {

inline constexpr std::string_view kImagesPath = "/v1/data-images";
inline constexpr std::string_view kContainersPath = "/v1/data-containers";
inline constexpr std::string_view kSourcesPath = "/v1/data-sources";
inline constexpr std::string_view kFetchPlansPath = "/v1/fetch-plans";
inline constexpr std::string_view kTokensPath = "/v1/access-tokens";

/// The daemon that --context, SPAWNCTL_API_ENDPOINT, SPAWNCTL_CONTEXT or the chosen context names, in this
/// order, or that of this machine; with the token of --accessToken or SPAWNCTL_ACCESS_TOKEN.
Result<DaemonClient> FindDaemon(const Invocation& invocation);

struct Created {
  std::string json;   ///< of the new resource; empty when there is none
  int exit_code = 0;  ///< not 0: interrupted; without json, that has been said on standard error
  SignalWatch
      signals;  ///< until the result is printed: a signal must not leave a resource that nobody knows of
  std::shared_ptr<Connection> held{};  ///< as of Waiting, where it was asked for
};

/// POSTs `body` and waits for the stream's end, showing progress as -q, --progress and the terminal say.
/// Ctrl-C makes the daemon stop and clean up, and is waited for: it may have come too late, and then there is
/// a resource all the same. `what` for that message: "data image 'x'". `files` go along as descriptors.
/// `holds`: what asked the daemon over there stays until Created goes.
Result<Created> CreateWithProgress(const Invocation& invocation, std::string_view collection,
                                   std::string body, std::string_view what,
                                   const std::vector<UniqueFd>& files = {}, bool holds = false);

/// What shows progress on standard error, as -q, --progress and the terminal say.
ProgressDisplay DisplayFor(const Invocation& invocation);

/// Prints a create's result. Returns its exit code, after a word on standard error when that is not 0.
Result<int> ShowCreated(const Created& created, std::string_view text);

/// The same of an image that was created or imported, which `done` says, as -q and --output ask for it. An
/// exit code of its own where there is no image.
Result<int> ShowCreatedImage(const Invocation& invocation, const Output& output, const Created& created,
                             std::string_view done);

/// The warnings of a create's answer, each on a line of its own on standard error; none with -q.
void ShowWarnings(const Invocation& invocation, const std::vector<std::string>& warnings);

/// DELETEs each argument, and says which one that was by its name, where it has one; goes on after one that
/// fails. `noun`: "Data image". The exit code is the first
/// failure's.
Result<int> DeleteEach(const Invocation& invocation, std::string_view collection, std::string_view noun);

/// Whether --output asks for a table of more columns, which not every list has.
bool WantsWide(const Invocation& invocation);
/// What --output and --format say.
Result<Output> OutputOf(const Invocation& invocation);

/// JSON of the resource that the argument names, or of the list when there is none.
Result<std::string> GetOneOrAll(const Invocation& invocation, std::string_view collection);

/// POSTs to ".../{ref}/<verb>" and waits for the resource's new state.
Result<std::string> ChangeResource(const Invocation& invocation, std::string_view collection,
                                   std::string_view verb, std::string body);

/// What --lifetime says, in seconds; nothing when it was not given.
Result<std::optional<int64_t>> LifetimeOf(const Invocation& invocation);
/// The same of another flag.
Result<std::optional<int64_t>> DurationOf(const Invocation& invocation, std::string_view flag);
/// Of --sleep-after where it is changed: -1 for "default".
Result<std::optional<int64_t>> SleepAfterOf(const Invocation& invocation);

/// What `get` prints when there is nothing to list.
inline constexpr std::string_view kNoResources = "No resources found.\n";

}  // namespace spawnd::client
