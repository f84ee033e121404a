/// `spawnd keeper-launcher`: the process that keepers are forked from (launcher.h). It has one thread, and
/// nothing in its memory that a keeper must not have.
#pragma once

namespace spawnd::daemon {

/// The descriptor it starts with: its end of a socket pair with the daemon.
inline constexpr int kLauncherSocketFd = 3;
/// An argument of the launcher's that makes room for those that a keeper shows in ps: "keeper", "<id>".
inline constexpr const char* kKeeperArgumentRoom = "................................";

/// What a request begins with that is not the id of a container: a program (daemon/init/single_program.h)
/// with its installation's mount and the socket that the answer goes to.
inline constexpr char kProgramRequest = 'p';

/// The launcher's entry point. It ends with the daemon. In each child that it forks it runs the keeper and
/// returns the keeper's exit code.
int KeeperLauncherMain(int argc, char** argv);

}  // namespace spawnd::daemon
