#include "daemon/host/ports.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <iterator>
#include <memory>
#include <thread>

#include "base/unique_fd.h"

namespace spawnd::daemon {

namespace {

std::vector<std::string> AllOf(const std::string& host, const std::vector<std::string>& also) {
  std::vector<std::string> all{host};
  all.insert(all.end(), also.begin(), also.end());
  return all;
}

std::string Joined(const std::vector<std::string>& hosts) {
  std::string text;
  for (const std::string& host : hosts) text += (text.empty() ? "" : ", ") + host;
  return text;
}

}  // namespace

Ports::Ports(const std::string& host, uint16_t first, uint16_t last, const std::vector<std::string>& also)
    : hosts_(AllOf(host, also)), first_(first), last_(last), next_(first) {}

Result<uint16_t> Ports::Reserve() {
  return ReserveOn(hosts_);
}

Result<uint16_t> Ports::ReserveOn(const std::vector<std::string>& hosts) {
  std::vector<std::string> here;
  std::copy_if(hosts.begin(), hosts.end(), std::back_inserter(here), HasAddress);
  if (here.empty()) {
    const std::string all = Joined(hosts);
    return Fail(ErrorCode::kNotReady,
                hosts.size() == 1 ? all + " is no address of this machine"
                                  : "none of " + all + " is an address of this machine",
                "`ip addr` shows those it has. Set `listen` in spawnd.yaml to one of them, or bring up the "
                "interface that is to have it.");
  }
  const std::lock_guard lock(mutex_);
  const uint32_t count = uint32_t{last_} - first_ + 1;
  for (uint32_t tried = 0; tried < count; ++tried) {
    const uint16_t port = next_;
    next_ = port == last_ ? first_ : static_cast<uint16_t>(port + 1);
    const bool is_free = !taken_.contains(port) &&
                         std::all_of(here.begin(), here.end(),
                                     [port](const std::string& host) { return CanListen(host, port); });
    if (!is_free) continue;
    taken_.insert(port);
    return port;
  }
  return Fail(
      ErrorCode::kNoSpace,
      "no free port on " + Joined(here) + " from " + std::to_string(first_) + " to " + std::to_string(last_),
      "Delete containers that are not needed (`spawnctl get data-containers`), or widen the range of ports "
      "in spawnd.yaml.");
}

Result<uint16_t> Ports::Await(const std::stop_token& stop, const std::string& host) {
  constexpr std::chrono::seconds kLongest{30};
  constexpr std::chrono::milliseconds kBetween{100};
  const auto end = std::chrono::steady_clock::now() + kLongest;
  while (true) {
    // Asked before: what has left meanwhile is free by then.
    const bool some_leave = SomeLeave();
    auto port = ReserveOn(host.empty() ? hosts_ : std::vector<std::string>{host});
    const bool may_come = !port && port.error().code == ErrorCode::kNoSpace && some_leave;
    if (!may_come || stop.stop_requested() || std::chrono::steady_clock::now() > end) return port;
    std::this_thread::sleep_for(kBetween);
  }
}

void Ports::NoteLeaving(uint16_t port) {
  const std::lock_guard lock(mutex_);
  if (taken_.contains(port)) leaving_.insert(port);
}

bool Ports::SomeLeave() {
  const std::lock_guard lock(mutex_);
  return !leaving_.empty();
}

void Ports::Claim(uint16_t port) {
  const std::lock_guard lock(mutex_);
  taken_.insert(port);
}

void Ports::Release(uint16_t port) {
  const std::lock_guard lock(mutex_);
  taken_.erase(port);
  leaving_.erase(port);
}

namespace {

/// A socket that is bound there; not valid, with errno, when that cannot be.
UniqueFd BoundTo(const std::string& host, uint16_t port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  errno = EINVAL;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return UniqueFd();
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> address(found, ::freeaddrinfo);
  UniqueFd fd(::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  // Engines set SO_REUSEADDR too. With it a bind beside a socket that is bound but does not listen succeeds,
  // so that only listen() gives the full answer.
  const int on = 1;
  if (!fd.Valid() || ::setsockopt(fd.Get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) return UniqueFd();
  const int err = ::bind(fd.Get(), address->ai_addr, address->ai_addrlen) == 0 ? 0 : errno;
  if (err != 0) fd.Reset();
  errno = err;
  return fd;
}

}  // namespace

bool CanListen(const std::string& host, uint16_t port) {
  const UniqueFd fd = BoundTo(host, port);
  return fd.Valid() && ::listen(fd.Get(), 1) == 0;
}

bool HasAddress(const std::string& host) {
  return BoundTo(host, 0).Valid() || errno != EADDRNOTAVAIL;
}

}  // namespace spawnd::daemon
