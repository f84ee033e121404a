/// The process in which a product's client library speaks to the server: a child of process 1, so it lives in
/// the container, as the engine's user, with nothing but a socket to its keeper. Whoever makes it crash, hang
/// or run code of his has what the server had already.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/unique_fd.h"
#include "engines/engine.h"

namespace spawnd::daemon {

struct SessionPlan {
  const engines::Engine* engine = nullptr;
  engines::Launch launch{};
  uid_t uid = 0;
  gid_t gid = 0;
  std::string filter{};  ///< of its system calls (SpawnOptions::system_call_filter); empty: none
};

/// To be called right after a fork without exec, by a process with one thread that is still root: gives away
/// everything that this process can give away, then answers requests (protocol.h) until the socket closes.
/// `network`: a network namespace to enter first, or invalid.
[[noreturn]] void RunSessionProcess(const SessionPlan& plan, UniqueFd socket, UniqueFd network);

}  // namespace spawnd::daemon
