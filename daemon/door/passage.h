/// The keeper's part of a door: who has gathered there is passed on to the engine, each for the life of that
/// one connection, and later clients are let straight in.
///
/// An address for which the engine has made no socket of its own is served by passing on alone.
///
/// One thread of its own, from Start to the end of the object. The calls are safe from any thread. Nothing
/// survives the process: connections that were passed on end with it.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "daemon/door/address.h"
#include "daemon/door/door.h"
#include "engines/parts.h"

namespace spawnd::daemon {

class Relay;

class Passage {
 public:
  static Result<std::unique_ptr<Passage>> Start(Door door, const engines::Endpoint& endpoint);
  Passage(const Passage&) = delete;
  Passage& operator=(const Passage&) = delete;
  ~Passage();

  /// The engine has bound `socket` to that address, and will listen on it. Takes the place of an earlier one.
  void EngineBound(size_t address, UniqueFd socket);
  /// The engine is ready: opens the gate, and passes on whoever waits.
  void Open();
  /// From here on clients wait at the door, but those that the engine has already. Only what this keeper has
  /// opened is shut: where another keeper's engine has taken its place, nothing happens there.
  void Shut();
  bool IsOpen() const;
  /// How many have come to the engine and have not been taken by it yet.
  size_t Waiting() const;

  /// For passing it on.
  const Door& TheDoor() const { return door_; }

 private:
  Passage(Door door, const engines::Endpoint& endpoint, std::unique_ptr<Relay> relay, UniqueFd wake);
  void Run();
  void Wake() const;
  /// Opens the gate for the sockets that it can be opened for. The lock is held.
  void OpenWhatListens();
  /// At which address the server is reached for who came to `address`; none: it is not reached yet. The lock
  /// is held.
  std::optional<size_t> ServerFor(size_t address) const;
  /// All who wait. False: there are no descriptors for more.
  bool PassOn(size_t address);

  const Door door_;
  std::vector<HostAddress> servers_;  ///< where each address is reached from here
  mutable std::mutex mutex_;
  std::vector<UniqueFd> engines_;  ///< a copy of each address's socket; those not valid have none
  std::vector<bool> let_in_;       ///< of these, those that the gate is open for
  bool open_ = false;
  bool end_ = false;
  std::unique_ptr<Relay> relay_;  ///< the thread's alone
  UniqueFd wake_;                 ///< an eventfd
  std::thread thread_;
};

}  // namespace spawnd::daemon
