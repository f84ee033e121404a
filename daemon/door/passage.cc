#include "daemon/door/passage.h"

#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "daemon/door/address.h"
#include "daemon/door/relay.h"

namespace spawnd::daemon {
namespace {

using namespace std::chrono_literals;

/// Between looks at a socket that its server has bound and does not listen on yet.
constexpr auto kListenCheck = 2ms;
/// After which a door is looked at again for which there was no descriptor left.
constexpr auto kShortage = 20ms;

/// Of one that listens: how many have come and were not accepted.
size_t QueueOf(int listening) {
  tcp_info info{};
  socklen_t length = sizeof info;
  if (::getsockopt(listening, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return 0;
  return info.tcpi_state == TCP_LISTEN ? info.tcpi_unacked : 0;
}

/// The address that a client has come to.
std::optional<HostAddress> HereOf(int client) {
  HostAddress address;
  address.length = sizeof address.socket;
  if (::getsockname(client, &address.socket.any, &address.length) != 0) return std::nullopt;
  return address;
}

}  // namespace

Result<std::unique_ptr<Passage>> Passage::Start(Door door, const engines::Endpoint& endpoint) {
  TRY_ASSIGN(auto relay, Relay::Make());
  UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.Valid()) return FailErrno(errno, "cannot make an event descriptor");
  std::unique_ptr<Passage> self(new Passage(std::move(door), endpoint, std::move(relay), std::move(wake)));
  self->thread_ = std::thread([passage = self.get()] { passage->Run(); });
  return self;
}

Passage::Passage(Door door, const engines::Endpoint& endpoint, std::unique_ptr<Relay> relay, UniqueFd wake)
    : door_(std::move(door)),
      engines_(door_.Addresses()),
      let_in_(door_.Addresses()),
      relay_(std::move(relay)),
      wake_(std::move(wake)) {
  for (const std::string& host : AddressesOf(endpoint)) {
    servers_.push_back(ReachedAt(AddressOf(host, endpoint.port).value_or(HostAddress())));
  }
}

Passage::~Passage() {
  {
    const std::lock_guard lock(mutex_);
    end_ = true;
  }
  Wake();
  thread_.join();
}

void Passage::Wake() const {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = ::write(wake_.Get(), &one, sizeof one);
}

void Passage::EngineBound(size_t address, UniqueFd socket) {
  {
    const std::lock_guard lock(mutex_);
    engines_[address] = std::move(socket);
    let_in_[address] = false;
  }
  Wake();
}

void Passage::Open() {
  {
    const std::lock_guard lock(mutex_);
    open_ = true;
    OpenWhatListens();
  }
  Wake();
}

void Passage::Shut() {
  const std::lock_guard lock(mutex_);
  open_ = false;
  for (size_t i = 0; i < engines_.size(); ++i) {
    if (engines_[i].Valid()) door_.TheGate().Shut(i, engines_[i].Get());
    let_in_[i] = false;
  }
}

bool Passage::IsOpen() const {
  const std::lock_guard lock(mutex_);
  return open_;
}

size_t Passage::Waiting() const {
  const std::lock_guard lock(mutex_);
  size_t waiting = 0;
  for (const UniqueFd& engine : engines_) waiting += engine.Valid() ? QueueOf(engine.Get()) : 0;
  return waiting;
}

void Passage::OpenWhatListens() {
  for (size_t i = 0; open_ && i < engines_.size(); ++i) {
    if (engines_[i].Valid() && !let_in_[i]) {
      let_in_[i] = door_.TheGate().Open(i, engines_[i].Get()).has_value();
    }
  }
}

/// The address of its own where there is one to be let in at, else any.
std::optional<size_t> Passage::ServerFor(size_t address) const {
  if (let_in_[address]) return address;
  const auto other = std::find(let_in_.begin(), let_in_.end(), true);
  if (other == let_in_.end()) return std::nullopt;
  return static_cast<size_t>(other - let_in_.begin());
}

bool Passage::PassOn(size_t address) {
  // Under the lock: after Shut nobody is taken from the door any more.
  const std::lock_guard lock(mutex_);
  const auto server = ServerFor(address);
  while (open_ && server) {
    UniqueFd client(::accept4(door_.Socket(address), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!client.Valid()) return errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM;
    // To where he came himself, and so from there: a server may ask more of who comes from afar.
    const auto here = *server == address ? HereOf(client.Get()) : std::nullopt;
    relay_->PassOn(std::move(client), here.value_or(servers_[*server]));
  }
  return true;
}

void Passage::Run() {
  bool short_of = false;
  while (true) {
    std::vector<pollfd> fds{{wake_.Get(), POLLIN, 0}, {relay_->Descriptor(), POLLIN, 0}};
    auto pause = -1ms;
    {
      const std::lock_guard lock(mutex_);
      if (end_) return;
      OpenWhatListens();
      for (size_t i = 0; i < engines_.size(); ++i) {
        if (open_ && engines_[i].Valid() && !let_in_[i]) pause = kListenCheck;
        fds.push_back({open_ && !short_of && ServerFor(i) ? door_.Socket(i) : -1, POLLIN, 0});
      }
    }
    if (short_of) pause = kShortage;
    ::poll(fds.data(), fds.size(), static_cast<int>(pause.count()));
    short_of = false;
    uint64_t count = 0;
    if (fds[0].revents != 0) [[maybe_unused]]
      const ssize_t n = ::read(wake_.Get(), &count, sizeof count);
    if (fds[1].revents != 0) relay_->Go();
    for (size_t i = 2; i < fds.size(); ++i) {
      if (fds[i].revents != 0 && !PassOn(i - 2)) short_of = true;
    }
  }
}

}  // namespace spawnd::daemon
