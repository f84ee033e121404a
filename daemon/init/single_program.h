/// A program of an installation, run once in a root of its own (container_root.h) without a volume: how the
/// daemon asks a server for its version. What lies on a search path is not run by root, nor where it sees the
/// host.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <string_view>

#include "base/process.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "engines/parts.h"

namespace spawnd::daemon {

struct SingleProgram {
  std::string installation;  ///< its folder on the host
  engines::Command command;
  uid_t uid = 0;
  gid_t gid = 0;
  std::chrono::milliseconds deadline{};
  size_t max_output = 0;
};

/// For the way from the daemon to the launcher.
std::string EncodeProgram(const SingleProgram& program);
Result<SingleProgram> DecodeProgram(std::string_view text);

/// For a process in the outer root. Forks another into namespaces of its own, which runs the program and
/// sends what came of it on `answer`; returns its pid, or a negative errno. `engine_tree` is the
/// installation's mount.
pid_t ForkSingleProgram(const SingleProgram& program, UniqueFd engine_tree, UniqueFd answer);

/// The daemon's end of `answer`: waits for as long as the program may run, and a little more.
Result<ProcessOutput> AwaitSingleProgram(const SingleProgram& program, int answer);

}  // namespace spawnd::daemon
