/// What daemon and keeper say to each other: one JSON object a message on a Unix socket in the container's
/// own directory. A request is answered by any number of progress replies and one final one.
///
/// Both sides are spawnd, but not always the same build: an upgraded daemon finds the keepers of its
/// predecessors, all the way back to the first package. Fields are therefore only ever added, one that is not
/// known is skipped, one that is missing means what it meant before there was one, and an operation that is
/// not known is answered with kUnsupported. A release that adds some records what it says (tests/released),
/// and every later build is held to understand it. Text that is not UTF-8 arrives with U+FFFD in place of the
/// bad bytes. Pure functions, safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "daemon/init/init_process.h"
#include "daemon/init/program_order.h"
#include "daemon/keeper/spec.h"
#include "engines/mask/mask.h"

namespace spawnd::daemon {

struct KeeperRequest {
  enum class Op {
    kUnknown,  ///< a word of a newer build
    kStart,    ///< a copy of the installation's mount comes along as a descriptor
    kStatus,
    kSpec,
    kCreateDatabase,
    kUserDatabases,
    kUsedLibraries,
    kMask,
    kFinishImage,
    kSeal,
    kAbandon,
    kSave,
    kRunCommand,
    kStartTool,
    kStartEngine,
    kMeasureVolume,
    kAwaitStart,  ///< of a keeper whose status says that its engine starts; answered as its kStart is
    kKeepsAwake,
    kDoor,      ///< its reply has the descriptors of the container's door along
    kOpenGate,  ///< new clients are let in to the engine of this keeper (KeeperSpec::behind_door)
    kShutGate,  ///< they wait at the door; answered when those before them are in, or have had their time
    kCutOff     ///< its engine is killed at once; answered when it can answer nobody any more
  };
  Op op = Op::kUnknown;
  std::optional<KeeperSpec> spec{};      ///< kStart
  int64_t launched_at_microseconds = 0;  ///< kStart: CLOCK_MONOTONIC when the daemon began to launch it
  /// kStart: of the descriptors that come along, so many at the end are those of the door.
  uint64_t door_descriptors = 0;
  int64_t deadline_seconds = 0;               ///< kStart, kStartEngine; 0: as long as the engine shows life
  std::string database{};                     ///< kCreateDatabase
  uint32_t revision = 0;                      ///< kSave: its number, unless the volume has a later one
  std::optional<engines::Command> command{};  ///< kRunCommand; its standard input comes along as a descriptor
  std::optional<ProgramOrder> tool{};         ///< kStartTool; its descriptors come along
  std::optional<storage::SealRequest> seal{};  ///< kSeal
  std::vector<engines::MaskRule> mask{};       ///< kMask
};

struct KeeperReply {
  std::optional<Error> error{};
  std::optional<storage::SealProgress> progress{};  ///< set: not the final reply
  /// Set: not the final reply. The engine goes on starting, and this is the last line of its log.
  std::optional<std::string> starting{};
  KeeperStarted started{};                      ///< kStart, kStartEngine, kAwaitStart, kStatus, kSave
  std::vector<std::string> databases{};         ///< kUserDatabases
  std::vector<std::string> libraries{};         ///< kUsedLibraries
  std::optional<storage::SealResult> sealed{};  ///< kSeal
  std::optional<CommandOutcome> outcome{};      ///< kRunCommand
  std::optional<KeeperSpec> spec{};             ///< kSpec
  std::optional<VolumeRoom> room{};             ///< kMeasureVolume
  bool keeps_settings = false;                  ///< kFinishImage
  std::vector<int64_t> masked_rows{};           ///< kMask, one for each rule
  std::string words{};                          ///< kKeepsAwake
};

std::string EncodeRequest(const KeeperRequest& request);
/// Errors: kInvalidArgument; kUnsupported for an operation of a newer build.
Result<KeeperRequest> DecodeRequest(std::string_view text);
std::string EncodeReply(const KeeperReply& reply);
Result<KeeperReply> DecodeReply(std::string_view text);

}  // namespace spawnd::daemon
