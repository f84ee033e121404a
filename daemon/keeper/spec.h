/// What the daemon orders of a keeper and what it hears back, with their JSON names (api/mapping.h has those
/// of the API). Values; safe to copy between threads. Nothing of it is stored: it travels over a control
/// socket.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/mapping.h"
#include "daemon/host/certificate_authority.h"
#include "daemon/init/program_order.h"
#include "engines/engine.h"
#include "storage/seal.h"
#include "storage/volume_values.h"

namespace spawnd::daemon {

/// Everything a keeper needs to serve one volume and run one engine. Travels over the control socket, because
/// it holds a password and argv is public.
struct KeeperSpec {
  int64_t id = 0;
  std::string directory;   ///< the container's own (daemon/keeper/files.h)
  std::string index_path;  ///< sealed index of the image; empty: a fresh volume, formatted and initialised
  std::string layer_directory;
  /// With an empty index_path: the volume is not fresh, and its file system is there.
  bool has_file_system = false;
  uint64_t volume_bytes = 0;  ///< used for a fresh volume only; otherwise the image's size counts
  storage::Durability durability = storage::Durability::kEverySecond;
  engines::Installation installation;
  engines::Endpoint endpoint;
  /// Here and below nobody is a superuser who is not said to be one: what is false does not travel.
  engines::Credentials credentials{{}, {}, {}, false};
  engines::Purpose purpose = engines::Purpose::kServe;
  /// Who the engine is to run as, and whose files the volume has on disk. Not the same where each container
  /// has a user of its own; where the kernel cannot show the one's files as the other's, the engine runs as
  /// the second.
  /// kBuild: whether containers of the image may have a superuser. What fills the image has one in any case,
  /// unless the credentials say otherwise.
  bool image_superuser = false;
  uid_t engine_uid = 0;
  gid_t engine_gid = 0;
  uid_t volume_uid = 0;
  gid_t volume_gid = 0;
  /// The control group of what runs in the container, which comes along as a descriptor; empty: none.
  std::string control_group{};
  /// Processes and threads of the engine where it has no control group to count them; 0: no limit.
  int64_t most_processes = 0;
  bool host_network = false;   ///< else one of its own, and nothing in it
  std::string name_servers{};  ///< with host_network: the host's resolv.conf
  /// The engine is not started until StartEngine: commands put files into its data directory first.
  bool hold_engine = false;
  /// Before the volume is opened it goes back to this revision, 0: to its image. Doing it twice does no harm.
  std::optional<uint32_t> revert_to{};
  /// Set: the volume lies on a revision of another one, not on the image itself; and that one's on the first
  /// of the others, and so on.
  std::optional<storage::RevisionReference> base_revision{};
  std::vector<storage::RevisionReference> base_below{};
  /// Set: all that runs in the container reaches this server, and nothing else on any network.
  std::optional<engines::Primary> primary{};
  std::vector<std::string> primary_addresses{};  ///< its, numeric
  bool require_tls = false;
  /// Its engine gets no clients until it is told to (KeeperRequest::Op::kOpenGate).
  bool behind_door = false;
  engines::Settings settings{};  ///< the user's own
  /// What starts it, for whoever asks later: spawnd's version and build, and which file the server was
  /// (engines::ProgramIdentity::Text).
  std::string spawnd{};
  std::string build{};
  std::string engine_program{};
  /// Of this server alone, made for this start; PEM. The engine gets it in memory.
  IssuedCertificate tls{};
};

inline void LieOn(const std::vector<storage::RevisionReference>& ground, KeeperSpec& spec) {
  spec.base_revision.reset();
  spec.base_below.clear();
  if (ground.empty()) return;
  spec.base_revision = ground.front();
  spec.base_below.assign(ground.begin() + 1, ground.end());
}

struct KeeperStarted {
  pid_t pid = 0;
  uid_t engine_uid = 0;     ///< who the engine runs as
  bool limited = false;     ///< its limits are in force
  bool oom_score = false;   ///< the keeper is nearly last to go when memory runs out
  bool io_flusher = false;  ///< it does not wait for memory that only its own writes can free
  /// Milliseconds of each step in order: keeper, volume, fuse, loop, mount, engine, prepare.
  std::vector<std::pair<std::string, double>> timings{};
  std::vector<storage::RevisionUsage> revisions{};  ///< by number
  bool starting = false;                            ///< its engine does not answer yet
  bool has_door = false;                            ///< and gives it (KeeperRequest::Op::kDoor)
  bool behind_door = false;                         ///< it waits for Op::kOpenGate
  /// As the spec has them. Empty: of a spawnd that did not say.
  std::string spawnd{};
  std::string build{};
  std::string engine_version{};
  std::string engine_program{};
};

/// How a command in the container ended.
struct CommandOutcome {
  int exit_code = 0;   ///< 128 + signal when a signal ended it
  std::string output;  ///< the last engines::kMaxCommandOutput bytes of what it printed
};

void Describe(auto& visit, api::Is<KeeperSpec> auto& x) {
  visit.Field("id", x.id);
  visit.Field("directory", x.directory);
  visit.Field("indexPath", x.index_path);
  visit.Field("layerDirectory", x.layer_directory);
  visit.Field("volumeBytes", x.volume_bytes);
  visit.Field("hasFileSystem", x.has_file_system);
  visit.Field("durability", x.durability);
  visit.Field("engine", x.installation.engine);
  visit.Field("version", x.installation.version);
  visit.Field("root", x.installation.root);
  visit.Field("host", x.endpoint.host);
  visit.Field("port", x.endpoint.port);
  visit.Field("alsoListen", x.endpoint.also);
  visit.Field("user", x.credentials.user);
  visit.Field("password", x.credentials.password);
  visit.Field("database", x.credentials.database);
  visit.Field("superuser", x.credentials.superuser);
  visit.Field("imageSuperuser", x.image_superuser);
  visit.Field("purpose", x.purpose);
  visit.Field("uid", x.engine_uid);
  visit.Field("gid", x.engine_gid);
  visit.Field("volumeUid", x.volume_uid);
  visit.Field("volumeGid", x.volume_gid);
  visit.Field("controlGroup", x.control_group);
  visit.Field("mostProcesses", x.most_processes);
  visit.Field("hostNetwork", x.host_network);
  visit.Field("nameServers", x.name_servers);
  visit.Field("holdEngine", x.hold_engine);
  visit.Field("revertTo", x.revert_to);
  visit.Field("baseRevision", x.base_revision);
  visit.Field("baseBelow", x.base_below);
  visit.Field("primary", x.primary);
  visit.Field("primaryAddresses", x.primary_addresses);
  visit.Field("requireTls", x.require_tls);
  visit.Field("behindDoor", x.behind_door);
  visit.Field("settings", x.settings);
  visit.Field("spawnd", x.spawnd);
  visit.Field("build", x.build);
  visit.Field("engineProgram", x.engine_program);
  visit.Field("tlsCertificate", x.tls.certificate);
  visit.Field("tlsKey", x.tls.key);
}

void Describe(auto& visit, api::Is<KeeperStarted> auto& x) {
  visit.Field("pid", x.pid);
  visit.Field("uid", x.engine_uid);
  visit.Field("limited", x.limited);
  visit.Field("oomScore", x.oom_score);
  visit.Field("ioFlusher", x.io_flusher);
  visit.Field("timings", x.timings);
  visit.Field("revisions", x.revisions);
  visit.Field("starting", x.starting);
  visit.Field("hasDoor", x.has_door);
  visit.Field("behindDoor", x.behind_door);
  visit.Field("spawnd", x.spawnd);
  visit.Field("build", x.build);
  visit.Field("engineVersion", x.engine_version);
  visit.Field("engineProgram", x.engine_program);
}

void Describe(auto& visit, api::Is<CommandOutcome> auto& x) {
  visit.Field("exitCode", x.exit_code);
  visit.Field("output", x.output);
}

void Describe(auto& visit, api::Is<ProgramOrder> auto& x) {
  visit.Field("command", x.command);
  visit.Field("isTool", x.is_tool);
  visit.Field("uid", x.identity.uid);
  visit.Field("gid", x.identity.gid);
  visit.Field("groups", x.identity.groups);
  visit.Field("readsAnyFile", x.reads_any_file);
  visit.Field("hasInput", x.has_input);
  visit.Field("hasOutput", x.has_output);
  visit.Field("hasMessages", x.has_messages);
  visit.Field("hasFile", x.has_file);
  visit.Field("hasFolder", x.has_folder);
}

}  // namespace spawnd::daemon

// A description is looked up in the namespace of what it describes.
namespace spawnd::storage {

inline constexpr std::array<std::pair<Durability, std::string_view>, 2> kDurabilityNames{
    {{Durability::kEverySecond, "everysec"}, {Durability::kAlways, "always"}}};
constexpr const auto& NamesOf(Durability) {
  return kDurabilityNames;
}

void Describe(auto& visit, api::Is<RevisionReference> auto& x) {
  visit.Field("directory", x.directory);
  visit.Field("number", x.number);
}

void Describe(auto& visit, api::Is<RevisionUsage> auto& x) {
  visit.Field("number", x.number);
  visit.Field("uniqueBytes", x.unique_bytes);
}

void Describe(auto& visit, api::Is<SealRequest> auto& x) {
  visit.Field("layerDirectory", x.layer_directory);
  visit.Field("layerId", x.layer_id);
  visit.Field("indexPath", x.index_path);
}

void Describe(auto& visit, api::Is<SealProgress> auto& x) {
  visit.Field("bytesDone", x.bytes_done);
  visit.Field("bytesTotal", x.bytes_total);
}

void Describe(auto& visit, api::Is<SealResult> auto& x) {
  visit.Field("layerIds", x.layer_ids);
  visit.Field("dataBytes", x.data_bytes);
  visit.Field("newLayerBytes", x.new_layer_bytes);
}

}  // namespace spawnd::storage

namespace spawnd::engines {

inline constexpr std::array<std::pair<Purpose, std::string_view>, 4> kPurposeNames{
    {{Purpose::kServe, "serve"},
     {Purpose::kBuild, "build"},
     {Purpose::kPromote, "promote"},
     {Purpose::kFollow, "follow"}}};
constexpr const auto& NamesOf(Purpose) {
  return kPurposeNames;
}

void Describe(auto& visit, api::Is<Primary> auto& x) {
  visit.Field("host", x.host);
  visit.Field("port", x.port);
  visit.Field("user", x.user);
  visit.Field("password", x.password);
  visit.Field("slot", x.slot);
  visit.Field("options", x.options);
  visit.Field("files", x.files);
}

void Describe(auto& visit, api::Is<Command> auto& x) {
  visit.Field("argv", x.argv);
  visit.Field("env", x.env);
  visit.Field("workingDirectory", x.working_directory);
}

}  // namespace spawnd::engines
