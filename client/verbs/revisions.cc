/// save, reset, load and graduate of data containers.
#include <fmt/core.h>

#include <array>

#include "api/image_reference.h"
#include "api/json.h"
#include "client/output/terminal.h"
#include "client/verbs/flags.h"
#include "client/verbs/session.h"
#include "client/verbs/verbs.h"

namespace spawnd::client {
namespace {

Result<api::DataContainer> Change(const Invocation& invocation, std::string_view verb, std::string body) {
  TRY(api::ParseContainerReference(invocation.Arguments().front()));
  TRY_ASSIGN(const std::string json, ChangeResource(invocation, kContainersPath, verb, std::move(body)));
  return api::FromJson<api::DataContainer>(json);
}

Result<void> Say(const Invocation& invocation, const std::string& text) {
  return invocation.Has("--quiet") ? Result<void>() : WriteOut(text);
}

/// The container, with its revision made explicit: the words at the end name it.
Result<api::GraduateDataContainerRequest> GraduationOf(const Invocation& invocation,
                                                       const api::DataContainer& container) {
  api::GraduateDataContainerRequest request;
  request.revision = invocation.Text("--revision");
  if (request.revision.empty()) request.revision = container.revision;
  TRY(api::ParseRevision(request.revision));
  request.name = invocation.Text("--name");
  if (!request.name.empty()) TRY(api::ValidateName(request.name, "data image"));
  request.tags = invocation.List("--tag");
  for (const std::string& tag : request.tags) TRY(api::ValidateTag(tag));
  request.teams = invocation.List("--team");
  return request;
}

Result<int> SaveDataContainer(const Invocation& invocation) {
  TRY_ASSIGN(const api::DataContainer container, Change(invocation, "save", "{}"));
  TRY(WriteOut(invocation.Has("--quiet")
                   ? container.revision + "\n"
                   : fmt::format("Successfully saved data container '{}'\nNew revision is '{}'\n",
                                 container.name, container.revision)));
  return 0;
}

Result<int> ResetDataContainer(const Invocation& invocation) {
  TRY_ASSIGN(const api::DataContainer container, Change(invocation, "reset", "{}"));
  ShowWarnings(invocation, container.warnings);
  TRY(Say(invocation, fmt::format("Successfully reset data container '{}' to revision '{}'\n", container.name,
                                  container.revision)));
  return 0;
}

Result<int> LoadDataContainer(const Invocation& invocation) {
  const std::string revision = invocation.Text("--revision");
  if (revision.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "the revision to load is missing",
                "Write --revision rev.N; 'spawnctl get data-container <name> -o json' lists what there is.");
  }
  TRY(api::ParseRevision(revision));
  TRY_ASSIGN(const api::DataContainer container,
             Change(invocation, "load", api::ToJson(api::LoadDataContainerRequest{revision})));
  ShowWarnings(invocation, container.warnings);
  TRY(Say(invocation, fmt::format("Successfully loaded revision '{}' of data container '{}'\n",
                                  container.revision, container.name)));
  return 0;
}

Result<int> GraduateDataContainer(const Invocation& invocation) {
  const std::string& ref = invocation.Arguments().front();
  TRY(api::ParseContainerReference(ref));
  TRY_ASSIGN(const std::string before, GetOneOrAll(invocation, kContainersPath));
  TRY_ASSIGN(const auto container, api::FromJson<api::DataContainer>(before));
  TRY_ASSIGN(const auto request, GraduationOf(invocation, container));
  const std::string target = DaemonClient::Target(kContainersPath, ref) + "/graduate";
  TRY_ASSIGN(const Created created, CreateWithProgress(invocation, target, api::ToJson(request),
                                                       fmt::format("a data image of '{}'", container.name)));
  if (created.json.empty()) return created.exit_code;
  TRY_ASSIGN(const api::DataImage image, api::FromJson<api::DataImage>(created.json));
  ShowWarnings(invocation, image.warnings);
  return ShowCreated(created,
                     invocation.Has("--quiet")
                         ? image.name + "\n"
                         : fmt::format("Successfully graduated data container '{}' at revision '{}' to a new "
                                       "data-image\nNew image '{}' ({}) available!\n",
                                       container.name, request.revision, image.name, image.id));
}

constexpr std::array<Flag, 1> kSaveFlags{{{"--quiet", "-q", "", "print the new revision only"}}};
constexpr std::array<Flag, 1> kResetFlags{{kSilentFlag}};
constexpr std::array<Flag, 2> kLoadFlags{{
    {"--revision", "-r", "<revision>", "rev.N; rev.0 is the image"},
    kSilentFlag,
}};
constexpr std::array<Flag, 6> kGraduateFlags{{
    {"--revision", "-r", "<revision>", "rev.N; else the one it was last saved as, or went back to"},
    {"--name", "-n", "<name>", "of the new image; else <container>-graduate-<n>"},
    {"--tag", "", "<tag>", "of the new image; repeatable", true},
    {"--team", "", "<team>", "that sees the new image; repeatable", true},
    kQuietFlag,
    kProgressFlag,
}};

constexpr std::array<Command, 4> kRows{{
    {"save", "data-container", "<container>", 1, 1, "Keep the present state as a new revision, while it runs",
     "  spawnctl save data-container mine\n  revision=$(spawnctl save data-container mine -q)\n", kSaveFlags,
     SaveDataContainer},
    {"reset", "data-container", "<container>", 1, 1,
     "Go back to the last revision saved or loaded, else to the image",
     "  spawnctl reset data-container mine\n", kResetFlags, ResetDataContainer},
    {"load", "data-container", "<container>", 1, 1, "Go back to any revision",
     "  spawnctl load data-container mine --revision rev.1\n", kLoadFlags, LoadDataContainer},
    {"graduate", "data-container", "<container>", 1, 1, "Make a revision into a data image",
     "  spawnctl graduate data-container mine\n"
     "  spawnctl graduate data-container mine --revision rev.1 --name shop-migrated --tag next\n",
     kGraduateFlags, GraduateDataContainer},
}};

}  // namespace

std::span<const Command> RevisionCommands() {
  return kRows;
}

}  // namespace spawnd::client
