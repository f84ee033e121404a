#include "daemon/host/ports.h"

#include <netdb.h>
#include <sys/socket.h>

#include <memory>

#include "base/unique_fd.h"

namespace spawnd::daemon {

Ports::Ports(std::string host, uint16_t first, uint16_t last)
    : host_(std::move(host)), first_(first), last_(last), next_(first) {}

Result<uint16_t> Ports::Reserve() {
  const std::lock_guard lock(mutex_);
  const uint32_t count = uint32_t{last_} - first_ + 1;
  for (uint32_t tried = 0; tried < count; ++tried) {
    const uint16_t port = next_;
    next_ = port == last_ ? first_ : static_cast<uint16_t>(port + 1);
    if (taken_.contains(port) || !CanListen(host_, port)) continue;
    taken_.insert(port);
    return port;
  }
  return Fail(
      ErrorCode::kNoSpace,
      "no free port on " + host_ + " from " + std::to_string(first_) + " to " + std::to_string(last_),
      "Delete containers that are not needed (`spawnctl get data-containers`), or widen the range of ports "
      "in spawnd.yaml.");
}

void Ports::Claim(uint16_t port) {
  const std::lock_guard lock(mutex_);
  taken_.insert(port);
}

void Ports::Release(uint16_t port) {
  const std::lock_guard lock(mutex_);
  taken_.erase(port);
}

bool CanListen(const std::string& host, uint16_t port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return false;
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> address(found, ::freeaddrinfo);
  const UniqueFd fd(::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  // Engines set SO_REUSEADDR too. With it a bind beside a socket that is bound but does not listen succeeds,
  // so that only listen() gives the full answer.
  const int on = 1;
  return fd.Valid() && ::setsockopt(fd.Get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
         ::bind(fd.Get(), address->ai_addr, address->ai_addrlen) == 0 && ::listen(fd.Get(), 1) == 0;
}

}  // namespace spawnd::daemon
