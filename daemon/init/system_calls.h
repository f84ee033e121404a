/// Which system calls the programs of a container may make: what docker's default profile allows a container
/// without capabilities, and less. The kernel is the wall between containers; this is how little of it they
/// touch.
///
/// Anything that is not in the list fails with EPERM, as if it had no right to it (it has none). No namespace
/// can be made inside, so a user namespace gives nobody rights that he does not have outside; no process
/// reads another's memory; no key rings, BPF, io_uring, raw or kernel sockets. Programs of another
/// architecture end.
///
/// The filter is made once, in the launcher, and inherited by every keeper. Not for several threads at once
/// before that.
#pragma once

#include <string>

#include "base/result.h"

namespace spawnd::daemon {

/// Which call whoever holds the filter's listener answers. The others of these go on in the container's own
/// network.
enum class Asks {
  kNothing,
  kBind,     ///< listening_port.h
  kConnect,  ///< primary_link.h
};

/// The program, as SpawnOptions::system_call_filter wants it. Errors: kUnsupported where the kernel lacks it.
Result<std::string> EngineSystemCalls(Asks asks);

}  // namespace spawnd::daemon
