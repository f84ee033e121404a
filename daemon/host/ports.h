/// The TCP ports that containers and image builds listen on: which are taken, and which to take next.
///
/// Thread-safe. Nothing here survives the process: at start the catalog's ports are claimed again, builds
/// that were under way are gone. Another program may take a port at any time; the engine then says so
/// (kInUse).
#pragma once

#include <cstdint>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace spawnd::daemon {

class Ports {
 public:
  /// Ports `first` to `last`, both included, on `host` (an IPv4 or IPv6 address) and on all of `also`.
  Ports(const std::string& host, uint16_t first, uint16_t last, const std::vector<std::string>& also = {});

  /// A port that nobody has reserved and that can be bound right now; the caller has it until Release.
  /// kNoSpace when there is none in the whole range, kNotReady when none of the addresses is this machine's.
  /// One that it does not have now is passed over.
  Result<uint16_t> Reserve();
  /// The same for a job's thread: while ports are on their way back it waits for one of them, some seconds at
  /// most, and until `stop` says so. `host` empty: on the addresses of all.
  Result<uint16_t> Await(const std::stop_token& stop, const std::string& host = {});
  /// Its server is being ended: it will be released in a moment.
  void NoteLeaving(uint16_t port);
  bool SomeLeave();
  /// Marks a port as taken whatever its state: one that the catalog gave to a container.
  void Claim(uint16_t port);
  void Release(uint16_t port);

 private:
  Result<uint16_t> ReserveOn(const std::vector<std::string>& hosts);

  const std::vector<std::string> hosts_;
  const uint16_t first_;
  const uint16_t last_;
  std::mutex mutex_;
  std::set<uint16_t> taken_;
  std::set<uint16_t> leaving_;  ///< of these
  /// Goes round, so that a port is not given again as soon as it is free: a client that still talks to a
  /// deleted container should be refused, not meet another one.
  uint16_t next_;
};

/// A reserved port that is given back when this goes, unless Keep was called.
class PortLease {
 public:
  PortLease(Ports& ports, uint16_t port) : ports_(&ports), port_(port) {}
  PortLease(PortLease&& other) noexcept : ports_(std::exchange(other.ports_, nullptr)), port_(other.port_) {}
  PortLease& operator=(PortLease&&) = delete;
  PortLease(const PortLease&) = delete;
  PortLease& operator=(const PortLease&) = delete;
  ~PortLease() {
    if (ports_ != nullptr) ports_->Release(port_);
  }
  uint16_t Get() const { return port_; }
  void Keep() { ports_ = nullptr; }

 private:
  Ports* ports_;
  uint16_t port_;
};

/// True when a server could listen on host:port at this moment.
bool CanListen(const std::string& host, uint16_t port);
/// False when the machine has no such address now.
bool HasAddress(const std::string& host);

}  // namespace spawnd::daemon
