/// Launching keepers: on a job thread up to where the engine answers, or until the thread's patience is over.
/// What they say from there on: links.cc.
#include <spdlog/spdlog.h>

#include <utility>

#include "base/file.h"
#include "daemon/containers/confinement.h"
#include "daemon/containers/connection.h"
#include "daemon/containers/containers.h"
#include "daemon/containers/launching.h"
#include "daemon/containers/life.h"
#include "daemon/host/control_groups.h"
#include "daemon/host/engine_host.h"
#include "daemon/host/installations.h"
#include "daemon/host/port_holder.h"
#include "daemon/loop/jobs.h"
#include "daemon/store/disk.h"
#include "daemon/store/layout.h"
#include "daemon/store/volumes.h"
#include "engines/registry.h"
#include "engines/settings.h"

namespace spawnd::daemon {
namespace {

using EventKind = ContainerEvent::Kind;
using std::chrono::steady_clock;

constexpr std::chrono::seconds kCreateDeadline{300};
/// How long a launch that recovers holds its thread, and so keeps others from recovering beside it.
constexpr std::chrono::seconds kPatience{30};

double MillisecondsSince(steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(steady_clock::now() - start).count();
}

}  // namespace

KeeperSpec Containers::SpecOf(const Life& life) const {
  KeeperSpec spec;
  spec.id = life.row.id;
  spec.directory = DirectoryOf(life);
  spec.index_path = uses_.layout.Images() + "/" + life.image.index_file;
  spec.layer_directory = uses_.layout.Layers();
  spec.durability = StorageDurability(life.row.durability);
  spec.installation = {life.image.engine, life.row.installation_version, life.row.installation_root};
  spec.endpoint = EndpointOf(life.row);
  spec.credentials = CredentialsOf(life.row);
  spec.require_tls = life.image.tls;
  spec.settings = engines::Overlay(life.row.settings, life.image.settings);
  spec.engine_uid = spec.engine_gid = uses_.engine_host.UserOf(life.row.port);
  spec.volume_uid = uses_.engine_host.uid;
  spec.volume_gid = uses_.engine_host.gid;
  spec.host_network = life.row.network == api::Network::kHost;
  if (life.machine.State() == ContainerState::kReverting) spec.revert_to = life.row.revert_to;
  return spec;
}

std::string Containers::DirectoryOf(const Life& life) const {
  return uses_.layout.Volume(life.row.id, life.row.volume);
}

namespace {

/// The container's directory must survive what is written in it. With kAlways that is the first commit of a
/// client, so it is made durable before there can be one; with kEverySecond it has a second (see
/// LaunchKeeper).
Result<void> MakeContainerDirectory(const KeeperSpec& spec) {
  TRY(PosixFileSystem().CreateDirectory(spec.directory));
  if (spec.durability != storage::Durability::kAlways) return {};
  return PosixFileSystem().SyncDirectory(DirectoryOf(spec.directory));
}

/// Only somebody's create has a deadline: its caller waits, and there is nothing to lose. What recovers goes
/// on in its keeper when this thread's patience is over, and when the daemon stops.
LaunchTerms TermsOf(bool is_create, const std::stop_token& cancelled, const std::stop_token& daemon_stops) {
  if (is_create) {
    return {.deadline = kCreateDeadline,
            .stop = [=] { return cancelled.stop_requested() || daemon_stops.stop_requested(); }};
  }
  return {.patience = kPatience,
          .stop = [=] { return cancelled.stop_requested(); },
          .leave = [=] { return daemon_stops.stop_requested(); }};
}

}  // namespace

/// The group is there before the keeper, and stays until the volume is left: what it has counted is of all
/// its starts.
Result<std::unique_ptr<KeeperClient>> LaunchKeeperIn(const Containers::Uses& uses, const std::string& volume,
                                                     KeeperSpec spec, const api::Limits& limits,
                                                     const LaunchTerms& terms) {
  TRY_ASSIGN(const engines::Engine* engine, engines::FindEngine(spec.installation.engine));
  // Upgrades of the host may move an engine; the major version is what the data asks for.
  TRY_ASSIGN(spec.installation, uses.installations.ForDataOrDetect(*engine, spec.installation.version));
  spec.spawnd = uses.engine_host.build.version;
  spec.build = uses.engine_host.build.id;
  spec.engine_program = spec.installation.identity.Text();
  TRY_ASSIGN(spec.tls, uses.engine_host.authority->Issue(
                           "container " + std::to_string(spec.id),
                           NamesOfServer(spec.endpoint.host, uses.engine_host.advertised)));
  TRY(MakeContainerDirectory(spec));
  TRY_ASSIGN(const auto ground, GroundOf(uses.layout, spec.id, volume));
  LieOn(ground, spec);
  const std::string group = ControlGroups::OfContainer(spec.id, volume);
  TRY_ASSIGN(spec.control_group, uses.groups.Prepare(group, limits));
  spec.most_processes = limits.pids.value_or(0);
  TRY_ASSIGN(auto keeper, KeeperClient::Launch(uses.launcher, spec, terms));
  uses.groups.AdmitKeeper(group, keeper->Started().pid);
  return keeper;
}

void Containers::LaunchKeeper(Life& life) {
  const int64_t id = life.row.id;
  life.cancel_launch = std::stop_source();
  life.leave_line = std::stop_source();
  const std::stop_token cancelled = life.cancel_launch.get_token();
  const bool is_create = life.creation.has_value();
  doors_.Leave(id);
  const auto launch = [this, id, spec = SpecOf(life), door = OpenDoor(life), is_create,
                       limits = LimitsOf(life.row, life.image, uses_.engine_host), cancelled,
                       volume = life.row.volume, others = life.others,
                       queued = steady_clock::now()](const std::stop_token& stop) {
    // What was to leave this volume is done with it, and nobody begins to.
    { const std::scoped_lock lock(others->leaving); }
    const double waited = MillisecondsSince(queued);
    LaunchTerms terms = TermsOf(is_create, cancelled, stop);
    terms.says = [this, id](const std::string& words) {
      uses_.mailbox.Post([this, id, words] { EngineSays(id, words); });
    };
    if (door) terms.door = *door;
    auto keeper = door ? LaunchKeeperIn(uses_, volume, spec, limits, terms) : Fail(door.error());
    if (!keeper)
      return Teller(id)({EventKind::kKeeperFailed, Judge(std::move(keeper.error()), spec, is_create)});
    daemon::KeeperStarted started = (*keeper)->Started();
    started.timings.insert(started.timings.begin(), {"queue", waited});
    auto fd = std::make_shared<UniqueFd>((*keeper)->TakeConnection());
    uses_.mailbox.Post(
        [this, id, fd, started = std::move(started)] { Launched(id, std::move(*fd), started); });
    // Beside the answer, not before it: what everysec promises begins a second from now.
    const auto synced = PosixFileSystem().SyncDirectory(uses_.layout.Containers());
    if (!synced) spdlog::error("container {}: {}", id, synced.error().message);
  };
  // One that is cancelled in line must not wait for those before it, which may hang. What nobody waits for
  // has a few threads of its own.
  const bool awaited = (is_create && !life.row.pooled) || life.reverted || !life.started.empty();
  Jobs& jobs = awaited ? uses_.launches : uses_.recoveries;
  jobs.Run({.owner = {life.row.owner, !life.row.pooled},
            .work = launch,
            .gone = life.leave_line.get_token(),
            .dropped =
                [tell = Teller(id)](const Error& why) {
                  tell({EventKind::kKeeperFailed, why});
                },
            .queued = life.creation ? life.creation->queued : nullptr});
}

/// Why it failed, in the words of its owner.
Error Containers::Judge(Error error, const KeeperSpec& spec, bool is_create) const {
  error = JudgeSpace(std::move(error), uses_.layout.Root());
  // A create takes another port; this one waits for its own.
  if (is_create || error.code != ErrorCode::kInUse) return error;
  const std::string holder = HolderOfPort(spec.endpoint.port);
  if (!holder.empty()) error.message += ": " + holder;
  return error;
}

}  // namespace spawnd::daemon
