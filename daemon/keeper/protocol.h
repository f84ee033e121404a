/// What daemon and keeper say to each other: one JSON object per packet on a SOCK_SEQPACKET Unix socket, in
/// the container's own directory. A request is answered by any number of progress replies and one final one.
///
/// Both sides are spawnd, but not always the same build: an upgraded daemon finds the keepers of its
/// predecessor. Fields are therefore only ever added, and a field that is not known is skipped.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "daemon/keeper/client.h"

namespace spawnd::daemon {

/// Upper bound of one packet; the kernel's default socket buffer holds it.
inline constexpr size_t kMaxPacketBytes = 128 * 1024;

/// The names of the files that daemon and keeper share in a container's directory.
inline constexpr const char* kControlSocketName = "control.sock";
inline constexpr const char* kLockName = "keeper.lock";
inline constexpr const char* kEngineLogName = "engine.log";
/// What the log held when it last reached kEngineLogBytes.
inline constexpr const char* kOlderEngineLogName = "engine.log.1";
/// The engine's log begins anew when it is so long; looked at once a second.
inline constexpr int64_t kEngineLogBytes = int64_t{8} << 20;
inline constexpr const char* kLastWordsName = "last-words";
inline constexpr const char* kDeltaName = "delta";

/// The descriptors that a keeper starts with.
inline constexpr int kControlSocketFd = 3;    ///< bound to kControlSocketName; the keeper calls listen
inline constexpr int kFirstConnectionFd = 4;  ///< connected to the daemon that launched it

struct KeeperRequest {
  enum class Op {
    kStart,
    kStatus,
    kCreateDatabase,
    kUserDatabases,
    kFinishImage,
    kSeal,
    kStop,
    kAbandon,
    kSave,
    kRunCommand,
    kStartEngine
  };
  Op op = Op::kStatus;
  KeeperSpec spec;                ///< kStart
  int64_t launched_at_ns = 0;     ///< kStart: CLOCK_MONOTONIC when the daemon began to launch it
  int64_t deadline_seconds = 60;  ///< kStart, kFinishImage, kStop
  std::string database;           ///< kCreateDatabase
  engines::Command command;       ///< kRunCommand; its standard input comes along as a descriptor
  storage::SealRequest seal;      ///< kSeal
};

struct KeeperReply {
  bool final = true;
  std::optional<Error> error;
  KeeperStarted started;                ///< kStart, kStatus, kSave
  storage::VolumeUsage usage;           ///< kStatus
  std::vector<std::string> databases;   ///< kUserDatabases
  storage::SealProgress seal_progress;  ///< not final
  storage::SealResult seal_result;      ///< kSeal
  CommandOutcome outcome;               ///< kRunCommand
};

std::string EncodeRequest(const KeeperRequest& request);
Result<KeeperRequest> DecodeRequest(std::string_view packet);
std::string EncodeReply(const KeeperReply& reply);
Result<KeeperReply> DecodeReply(std::string_view packet);

/// One packet out, with `descriptor` along unless it is -1. kUnavailable when the other side is gone.
Result<void> SendPacket(int fd, std::string_view packet, int descriptor = -1);
/// One packet in; blocks. kUnavailable at end of file, kInvalidArgument when it is too long. `descriptor`
/// gets what came along; without it, that is closed.
Result<std::string> ReceivePacket(int fd, UniqueFd* descriptor = nullptr);

}  // namespace spawnd::daemon
