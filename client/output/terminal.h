/// Standard output and standard error, and the signals that end a long command. For spawnctl's single thread.
#pragma once

#include <csignal>
#include <cstddef>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace spawnd::client {

/// Writes a result. A reader that went away (`| head -1`) is no error; a full disk is (kNoSpace, kIo).
Result<void> WriteOut(std::string_view text);
/// Writes to standard error as far as that works.
void WriteError(std::string_view text);
/// "error: <message>" and, when there is one, "hint: <hint>", each one line.
void ShowError(const Error& error);

bool OutputIsTerminal();
/// Width of the terminal on standard error; 0 when it is none.
size_t ErrorColumns();

/// While it lives, SIGINT, SIGTERM and SIGHUP do not end the process but make Fd() readable.
class SignalWatch {
 public:
  static Result<SignalWatch> Start();
  SignalWatch(SignalWatch&&) = default;
  SignalWatch& operator=(SignalWatch&&) = delete;
  ~SignalWatch();

  int Fd() const { return fd_.Get(); }
  struct Signal {
    int number = 0;              ///< 0: none
    bool from_terminal = false;  ///< ctrl-C and its like: every process in the foreground has got it
  };
  /// The next one that came; does not wait.
  Signal Next() const;
  /// What this process blocked before: for a program that it runs.
  const sigset_t& MaskBefore() const { return before_; }

 private:
  SignalWatch(UniqueFd fd, const sigset_t& before) : fd_(std::move(fd)), before_(before) {}

  UniqueFd fd_;
  sigset_t before_;
};

}  // namespace spawnd::client
