/// Connections that are passed on byte by byte, each way with its own end, for as long as both sides last.
///
/// One thread's alone, which waits on Descriptor() and then calls Go. Bounded: 16 KiB for each way that
/// has something in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "daemon/door/address.h"

namespace spawnd::daemon {

class Relay {
 public:
  static Result<std::unique_ptr<Relay>> Make();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;
  ~Relay();

  /// Connects to `server` for `client`, which is closed when that cannot be done.
  void PassOn(UniqueFd client, const HostAddress& server);
  /// Readable when Go has something to do.
  int Descriptor() const { return events_.Get(); }
  void Go();
  size_t Connections() const { return pairs_.size(); }

 private:
  struct Pair;

  explicit Relay(UniqueFd events);
  /// False: it is at its end.
  bool Move(Pair& pair);
  void Watch(Pair& pair);

  UniqueFd events_;  ///< an epoll
  uint64_t next_ = 1;
  std::map<uint64_t, std::unique_ptr<Pair>> pairs_;
};

}  // namespace spawnd::daemon
