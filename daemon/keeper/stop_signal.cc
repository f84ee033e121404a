#include "daemon/keeper/stop_signal.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace spawnd::daemon {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

/// How long the main thread of a build's keeper has to end it tidily.
constexpr seconds kBuildPatience{3};
constexpr seconds kMostPatience{24 * 3600};

sigset_t StopSignals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  static_assert(kScopeSignal == SIGWINCH);
  ::sigaddset(&signals, kScopeSignal);
  return signals;
}

}  // namespace

StopSignal::StopSignal() : told_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  const sigset_t signals = StopSignals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signals_.Reset(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
}

std::optional<StopSignal::Word> StopSignal::Heard() {
  const std::lock_guard lock(mutex_);
  signalfd_siginfo info{};
  while (::read(signals_.Get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    const bool says = info.ssi_code == SI_QUEUE && info.ssi_int > 0;
    const seconds patience = says ? std::min(seconds(info.ssi_int), kMostPatience) : kShutdownPatience;
    const auto now = steady_clock::now();
    if (!word_ || now + patience < word_->came + word_->patience) word_ = Word{now, patience};
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t told = ::write(told_.Get(), &one, sizeof one);
  }
  return word_;
}

void StopSignal::Bound(bool keep, std::function<void()> give_up) {
  if (watch_.joinable()) return;
  watch_ = std::thread([this, keep, give_up = std::move(give_up)] { Watch(keep, give_up); });
  watch_.detach();  // it lasts as long as the process
}

void StopSignal::Watch(bool keep, const std::function<void()>& give_up) {
  while (true) {
    const auto word = Heard();
    int wait = -1;
    if (word) {
      const auto end = word->came + (keep ? word->patience + kAfterEngine : kBuildPatience);
      const auto left = std::chrono::ceil<milliseconds>(end - steady_clock::now());
      if (left.count() <= 0) break;
      wait = static_cast<int>(std::min<milliseconds>(left, seconds(3600)).count());
    }
    pollfd signal{signals_.Get(), POLLIN, 0};
    ::poll(&signal, 1, wait);
  }
  give_up();
  ::_exit(1);
}

Result<void> TellToStop(int process_fd, seconds patience) {
  siginfo_t info{};
  info.si_signo = SIGTERM;
  info.si_code = SI_QUEUE;
  info.si_pid = ::getpid();
  info.si_uid = ::getuid();
  info.si_value.sival_int = static_cast<int>(std::clamp(patience, seconds(1), kMostPatience).count());
  if (::syscall(SYS_pidfd_send_signal, process_fd, SIGTERM, &info, 0) == 0 || errno == ESRCH) return {};
  return FailErrno(errno, "cannot ask a keeper to stop");
}

}  // namespace spawnd::daemon
