/// Where on this machine control groups are the daemon's to arrange. Under systemd that is a scope of its
/// own, spawnd-containers.scope, and not the service's group: a group that has handed its controllers down
/// may hold no process, so systemd could not start the service again in it as long as containers run. The
/// scope lives as long as anything runs in it, and at a shutdown it ends after the daemon and before the file
/// systems are unmounted; keepers are told by a signal of their own. Elsewhere it is the group that the
/// daemon was started in.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>

#include "base/result.h"

namespace spawnd::daemon {

/// What systemd sends to every process in the scope when that is to end: SIGWINCH, which all ignore unless
/// they ask for it. Keepers do (daemon/keeper/stop_signal.h).
inline constexpr int kScopeSignal = 28;
/// After that long it kills what is left.
inline constexpr std::chrono::seconds kScopeEnd{25};

/// The directory of a group for ControlGroups::Enter; under systemd `resident` is in it already, as the
/// process that keeps it alive. `state_directory` names the scope where it is not the usual one: several
/// daemons of one machine do not share theirs. Blocks for some milliseconds. Errors say in words why
/// containers have no limits.
Result<std::string> DelegatedGroup(pid_t resident, const std::string& state_directory);

/// "/sys/fs/cgroup" out of the text of /proc/self/mountinfo: where a cgroup2 file system is mounted.
/// kUnsupported when there is none.
Result<std::string> GroupMount(const std::string& mountinfo);
/// "/system.slice/x.service" out of the text of /proc/self/cgroup.
Result<std::string> OwnGroup(const std::string& cgroup);
/// "spawnd-containers.scope", or with an escaped path in it.
std::string ScopeName(const std::string& state_directory);

}  // namespace spawnd::daemon
