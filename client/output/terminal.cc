#include "client/output/terminal.h"

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "base/descriptors.h"
#include "client/output/text.h"

namespace spawnd::client {
namespace {

constexpr size_t kDefaultColumns = 80;

}  // namespace

Result<void> WriteOut(std::string_view text) {
  const int error = WriteAll(STDOUT_FILENO, text);
  if (error != 0 && error != EPIPE) return FailErrno(error, "cannot write to standard output");
  return {};
}

void WriteError(std::string_view text) {
  // Nobody is left to tell when this fails.
  static_cast<void>(WriteAll(STDERR_FILENO, text));
}

void ShowError(const Error& error) {
  std::string text = fmt::format("error: {}\n", OneLine(error.message));
  if (!error.hint.empty()) text += fmt::format("hint: {}\n", OneLine(error.hint));
  WriteError(text);
}

bool OutputIsTerminal() {
  return ::isatty(STDOUT_FILENO) != 0;
}

size_t ErrorColumns() {
  if (::isatty(STDERR_FILENO) == 0) return 0;
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kDefaultColumns;
  return size.ws_col;
}

Result<SignalWatch> SignalWatch::Start() {
  sigset_t wanted;
  sigset_t before;
  sigemptyset(&wanted);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    // nohup and shells' background jobs ignore signals on purpose: that stays
    struct sigaction present {};
    if (::sigaction(signal, nullptr, &present) == 0 && present.sa_handler != SIG_IGN)
      sigaddset(&wanted, signal);
  }
  if (::sigprocmask(SIG_BLOCK, &wanted, &before) != 0) return FailErrno(errno, "cannot block signals");
  UniqueFd fd(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.Valid()) {
    const int error = errno;
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    return FailErrno(error, "cannot watch signals");
  }
  return SignalWatch(std::move(fd), before);
}

SignalWatch::~SignalWatch() {
  if (fd_.Valid()) ::sigprocmask(SIG_SETMASK, &before_, nullptr);
}

SignalWatch::Signal SignalWatch::Next() const {
  signalfd_siginfo info{};
  if (::read(fd_.Get(), &info, sizeof(info)) != static_cast<ssize_t>(sizeof(info))) return {};
  return {static_cast<int>(info.ssi_signo), info.ssi_code == SI_KERNEL};
}

}  // namespace spawnd::client
