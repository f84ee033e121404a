#include "daemon/door/door.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "daemon/door/address.h"

namespace spawnd::daemon {
namespace {

/// The kernel has its own bound (net.core.somaxconn); a whole wave of clients may come while one recovers.
constexpr int kBacklog = 4096;

Result<UniqueFd> Listen(const Gate& gate, size_t number, const HostAddress& address,
                        const std::string& place) {
  const auto refused = [&place](int err) {
    return err == EADDRINUSE ? Fail(ErrorCode::kInUse, place + " is in use by another program")
                             : FailErrno(err, "cannot listen on " + place);
  };
  UniqueFd socket;
  if (const int err = BindHere(address, Sharing::kWithDoor, false, socket); err != 0) return refused(err);
  // Before anybody can come: who is accepted has what his listening socket had then.
  TRY(gate.Attach(number, socket.Get()));
  if (const int failed = LockFilter(socket.Get()); failed != 0)
    return FailErrno(failed, "cannot lock a filter");
  if (::listen(socket.Get(), kBacklog) != 0) return refused(errno);
  TRY(gate.PutDoor(number, socket.Get()));
  return socket;
}

/// Where it listens; empty for what is no socket of the network.
std::pair<std::string, uint16_t> PlaceOf(int descriptor) {
  SocketAddress address{};
  socklen_t length = sizeof address;
  if (::getsockname(descriptor, &address.any, &length) != 0) return {};
  return {TextOf(address), ntohs(address.v4.sin_port)};  // where an IPv6 address has it, too
}

}  // namespace

std::vector<std::string> AddressesOf(const engines::Endpoint& endpoint) {
  std::vector<std::string> addresses{endpoint.host};
  addresses.insert(addresses.end(), endpoint.also.begin(), endpoint.also.end());
  return addresses;
}

Result<Door> Door::Open(const engines::Endpoint& endpoint) {
  const std::vector<std::string> addresses = AddressesOf(endpoint);
  TRY_ASSIGN(Gate gate, Gate::Make(addresses.size()));
  std::vector<UniqueFd> sockets;
  for (const std::string& host : addresses) {
    const auto address = AddressOf(host, endpoint.port);
    if (!address) return Fail(ErrorCode::kInvalidArgument, "'" + host + "' is no numeric address");
    TRY_ASSIGN(UniqueFd socket, Listen(gate, sockets.size(), *address,
                                       "port " + std::to_string(endpoint.port) + " of " + host));
    sockets.push_back(std::move(socket));
  }
  return Door(std::move(gate), std::move(sockets));
}

Result<Door> Door::Of(const engines::Endpoint& endpoint, std::vector<UniqueFd> descriptors) {
  std::vector<UniqueFd> sockets;
  for (const std::string& host : AddressesOf(endpoint)) {
    const auto address = AddressOf(host, endpoint.port);
    const std::pair place(address ? TextOf(address->socket) : "", endpoint.port);
    const auto found = std::find_if(descriptors.begin(), descriptors.end(), [&](const UniqueFd& descriptor) {
      return descriptor.Valid() && PlaceOf(descriptor.Get()) == place;
    });
    if (found == descriptors.end()) return Fail(ErrorCode::kNotFound, "a socket of a door is missing");
    sockets.push_back(std::move(*found));
  }
  TRY_ASSIGN(Gate gate, Gate::Of(std::move(descriptors)));
  return Door(std::move(gate), std::move(sockets));
}

std::vector<int> Door::Descriptors() const {
  std::vector<int> all = gate_.Descriptors();
  for (const UniqueFd& socket : sockets_) all.push_back(socket.Get());
  return all;
}

}  // namespace spawnd::daemon
