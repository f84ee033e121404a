/// create, get and delete of data containers.
#include <fmt/core.h>
#include <poll.h>

#include <array>
#include <chrono>
#include <ctime>

#include "api/image_reference.h"
#include "api/json.h"
#include "client/output/table.h"
#include "client/output/terminal.h"
#include "client/verbs/container_creation.h"
#include "client/verbs/flags.h"
#include "client/verbs/session.h"
#include "client/verbs/verbs.h"

namespace spawnd::client {
namespace {

Result<std::vector<api::DataContainer>> ContainersOf(const std::string& json, bool one) {
  if (!one) return api::FromJson<std::vector<api::DataContainer>>(json);
  TRY_ASSIGN(api::DataContainer container, api::FromJson<api::DataContainer>(json));
  return std::vector<api::DataContainer>{std::move(container)};
}

/// How often a container that this process stands for is looked for: somebody else may delete it.
constexpr std::chrono::seconds kBetweenLooks{5};

Result<void> Bind(const Invocation& invocation, api::CreateDataContainerRequest& request) {
  if (!invocation.Has("--bound")) return {};
  if (invocation.Has("--if-not-exists")) {
    return Fail(ErrorCode::kInvalidArgument, "--bound and --if-not-exists are both given",
                "A container that is there already is not bound to this process. Give one of them.");
  }
  TRY_ASSIGN(const DaemonClient daemon, FindDaemon(invocation));
  if (daemon.Where().IsRemote()) {
    return Fail(
        ErrorCode::kUnsupported, "--bound is for a daemon of this machine: another one does not see this end",
        "Run it over there: ssh <host> spawnctl create data-container ... --bound; or use --idle-delete.");
  }
  request.ends_with_client = true;
  return {};
}

/// Stands for the container until a signal comes, or somebody else has deleted it.
Result<int> StandFor(const Invocation& invocation, const Created& created, int64_t id) {
  TRY_ASSIGN(const DaemonClient daemon, FindDaemon(invocation));
  const std::string target = DaemonClient::Target(kContainersPath, std::to_string(id));
  pollfd signal{created.signals.Fd(), POLLIN, 0};
  while (true) {
    const int ready = ::poll(&signal, 1, static_cast<int>(std::chrono::milliseconds(kBetweenLooks).count()));
    if (ready > 0) break;
    const auto there = daemon.Get(target);
    if (!there && there.error().code == ErrorCode::kNotFound) return 0;
  }
  // Taken, or it would end this process after all as soon as it is no longer held back.
  static_cast<void>(created.signals.Next());
  const auto deleted = daemon.Delete(target);
  if (deleted || deleted.error().code == ErrorCode::kNotFound) return 0;
  return Fail(deleted.error());
}

Result<int> CreateDataContainer(const Invocation& invocation) {
  TRY_ASSIGN(const Output output, OutputOf(invocation));
  TRY_ASSIGN(api::CreateDataContainerRequest request, ContainerRequestOf(invocation));
  TRY(Bind(invocation, request));
  TRY_ASSIGN(const Created created, invocation.Has("--if-not-exists")
                                        ? FindOrCreateContainer(invocation, request)
                                        : CreateContainer(invocation, request));
  if (created.json.empty()) return created.exit_code;
  TRY_ASSIGN(const api::DataContainer container, api::FromJson<api::DataContainer>(created.json));
  std::string text = fmt::format("Data container '{}' ({}) created!\n-> {}\n", container.name, container.id,
                                 container.connection_string);
  if (invocation.Has("--quiet")) {
    text = container.name + "\n";
  } else if (output.format != Format::kTable) {
    TRY_ASSIGN(text, Render(created.json, output));
  }
  TRY_ASSIGN(const int exit_code, ShowCreated(created, text));
  return exit_code == 0 && request.ends_with_client ? StandFor(invocation, created, container.id) : exit_code;
}

Result<int> GetDataContainers(const Invocation& invocation) {
  const bool wide = WantsWide(invocation);
  TRY_ASSIGN(const Output output, wide ? Result<Output>(Output()) : OutputOf(invocation));
  for (const std::string& ref : invocation.Arguments()) TRY(api::ParseContainerReference(ref));
  TRY_ASSIGN(const std::string json, GetOneOrAll(invocation, kContainersPath));
  std::string text;
  if (output.format != Format::kTable) {
    TRY_ASSIGN(text, Render(json, output));
  } else {
    TRY_ASSIGN(const auto containers, ContainersOf(json, !invocation.Arguments().empty()));
    const bool people = OutputIsTerminal();
    const ContainerColumns columns = wide     ? ContainerColumns::kWide
                                     : people ? ContainerColumns::kMarked
                                              : ContainerColumns::kPlain;
    text = containers.empty() ? std::string(kNoResources)
                              : ContainerTable(containers, std::time(nullptr), columns);
    if (people) text += OutdatedText(containers);
  }
  TRY(WriteOut(text));
  return 0;
}

Result<int> DeleteDataContainers(const Invocation& invocation) {
  for (const std::string& ref : invocation.Arguments()) TRY(api::ParseContainerReference(ref));
  return DeleteEach(invocation, kContainersPath, "Data container");
}

Result<int> UpdateDataContainer(const Invocation& invocation) {
  TRY(api::ParseContainerReference(invocation.Arguments().front()));
  api::UpdateDataContainerRequest request;
  request.name = invocation.Text("--name");
  if (!request.name.empty()) TRY(api::ValidateName(request.name, "data container"));
  TRY_ASSIGN(request.lifetime_seconds, LifetimeOf(invocation));
  request.owner = invocation.Text("--owner");
  TRY_ASSIGN(request.sleep_after_seconds, SleepAfterOf(invocation));
  TRY_ASSIGN(request.idle_delete_seconds, DurationOf(invocation, "--idle-delete"));
  TRY_ASSIGN(const std::string json,
             ChangeResource(invocation, kContainersPath, "update", api::ToJson(request)));
  TRY_ASSIGN(const api::DataContainer container, api::FromJson<api::DataContainer>(json));
  if (!invocation.Has("--quiet")) {
    TRY(WriteOut(fmt::format("Data container '{}' ({}) updated!\n", container.name, container.id)));
  }
  return 0;
}

constexpr std::array<Flag, 20> kCreateFlags{{
    kImageFlag,
    {"--name", "-n", "<name>", "a name; else the image's and eight letters"},
    kLifetimeFlag,
    kSleepAfterFlag,
    kIdleDeleteFlag,
    {"--bound", "", "", "stay in the foreground: it is deleted when this ends, however that is"},
    kDurabilityFlag,
    kSuperuserFlag,
    kNoSuperuserFlag,
    kMemoryFlag,
    kCpusFlag,
    kPidsFlag,
    kSettingFlag,
    kNoWaitFlag,
    kSpareFlag,
    {"--if-not-exists", "", "", "take the container of that --name when it is there and of that image"},
    kQuietFlag,
    kOutputFlag,
    kFormatFlag,
    kProgressFlag,
}};
constexpr std::array<Flag, 2> kGetFlags{{
    {"--output", "-o", "<format>", "json, yaml, wide, name, host, port, url, jdbc or env"},
    kFormatFlag,
}};
constexpr std::array<Flag, 1> kDeleteFlags{{kSilentFlag}};

constexpr std::string_view kCreateExamples =
    "  spawnctl create data-container --image shop\n"
    "  spawnctl create data-container shop:latest --name mine --lifetime 8h\n"
    "  name=$(spawnctl create data-container -i shop -q)\n"
    "  spawnctl create data-container -i shop --name mine --if-not-exists -o url\n";
constexpr std::string_view kGetExamples =
    "  spawnctl get data-containers\n"
    "  spawnctl get data-container mine -o json | jq -r .connectionString\n"
    "  spawnctl get data-container mine -o url\n"
    "  spawnctl get data-containers --format '{{.name}} {{.host}}:{{.port}}'\n"
    "  eval \"$(spawnctl get data-container mine -o env)\"\n";

constexpr std::array<Flag, 6> kUpdateFlags{
    {{"--name", "-n", "<name>", "a new name"},
     kLifetimeFlag,
     {"--sleep-after", "", "<duration>",
      "sleep after so long without a connection; 0: never; default: as its image"},
     kIdleDeleteFlag,
     {"--owner", "", "<user>", "whose it is from then on; only root gives one away"},
     kSilentFlag}};

constexpr std::array<Command, 4> kRows{{
    {"create", "data-container", "[<image>]", 0, 1, "Start a database of your own from a data image",
     kCreateExamples, kCreateFlags, CreateDataContainer},
    {"get", "data-container", "[<container>]", 0, 1, "List the data containers, or show one", kGetExamples,
     kGetFlags, GetDataContainers},
    {"update", "data-container", "<container>", 1, 1,
     "Rename a data container, or give it another lifetime or owner, or say when it sleeps",
     "  spawnctl update data-container mine --lifetime 2h\n", kUpdateFlags, UpdateDataContainer},
    {"delete", "data-container", "<container>...", 1, kAnyNumber, "Stop and delete data containers",
     "  spawnctl delete data-container mine yours\n", kDeleteFlags, DeleteDataContainers},
}};

}  // namespace

std::span<const Command> DataContainerCommands() {
  return kRows;
}

}  // namespace spawnd::client
