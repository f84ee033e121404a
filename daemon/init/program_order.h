/// The order to run a program inside a container, beside its engine or before it: a tool that restores a
/// backup as the user who asked, or a command of the engine's user. And what is heard of it: the daemon or
/// the keeper, whoever gives the order, holds the other end of the program's leash.
///
/// The leash is a SOCK_SEQPACKET pair. One message comes on it, a ProgramEnd, once the program and everything
/// it left behind are gone. When its other end is closed or shut down, all of that is killed first.
#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <string>
#include <string_view>

#include "base/identity.h"
#include "base/message.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "engines/parts.h"

namespace spawnd::daemon {

struct ProgramOrder {
  engines::Command command;
  /// As `identity`, with mounts of its own in which it can write nothing. Else as the engine's user, in the
  /// container's.
  bool is_tool = false;
  Identity identity{};
  /// A tool of root's that may read any file, as root itself may. Else it has no capability at all.
  bool reads_any_file = false;

  // Which descriptors come along.
  bool has_input = false;     ///< its standard input; else nothing
  bool has_output = false;    ///< its standard output; else the engine's log
  bool has_messages = false;  ///< its standard error; else the engine's log
  bool has_file = false;      ///< its descriptor 3
  bool has_folder = false;    ///< a mount that nothing is attached to yet (backup_mount.h)
};

/// What comes along; the leash is always there.
struct ProgramDescriptors {
  UniqueFd leash{};
  UniqueFd input{};
  UniqueFd output{};
  UniqueFd messages{};
  UniqueFd file{};
  UniqueFd folder{};
};

/// Says in the order which of them there are.
void NoteDescriptors(const ProgramDescriptors& descriptors, ProgramOrder& order);
Result<void> SendWithDescriptors(int socket, std::string_view text, const ProgramDescriptors& descriptors);
Result<ProgramDescriptors> TakeDescriptors(const ProgramOrder& order, Message& message);

/// Both ends are the same binary, so memory layout is the format.
struct ProgramEnd {
  bool failed = false;  ///< it was never started
  ErrorCode code = ErrorCode::kInternal;
  int exit_code = 0;  ///< 128 + signal when a signal ended it
  std::array<char, 1024> text{};
};

/// Waits for the end of a program. kTimeout when it does not come; the leash stays with the caller. Whatever
/// kept it from starting; kUnavailable when its container has ended.
Result<int> AwaitProgramEnd(int leash, std::chrono::milliseconds deadline);

/// For process 1. The first bytes are left to the caller.
void AppendProgramOrder(const ProgramOrder& order, std::string& packet);
Result<ProgramOrder> DecodeProgramOrder(std::string_view packet);

}  // namespace spawnd::daemon
