/// What the parts of one image build share. Job thread of that build only.
#pragma once

#include <functional>
#include <stop_token>
#include <utility>

#include "base/result.h"
#include "daemon/build/host.h"
#include "daemon/build/progress.h"
#include "daemon/loop/ask_loop.h"

namespace spawnd::daemon {

/// A build's reasons to give up in one token: the daemon stops, whoever ordered it does not want it any more,
/// the image is being deleted (which asks Source() to stop).
class BuildStop {
 public:
  BuildStop(const std::stop_token& daemon_stops, const std::stop_token& withdrawn)
      : when_daemon_stops_(daemon_stops, [this] { source_.request_stop(); }),
        when_withdrawn_(withdrawn, [this] { source_.request_stop(); }) {}

  std::stop_source Source() const { return source_; }
  std::stop_token Token() const { return source_.get_token(); }

 private:
  std::stop_source source_;
  std::stop_callback<std::function<void()>> when_daemon_stops_;
  std::stop_callback<std::function<void()>> when_withdrawn_;
};

struct BuildContext {
  BuildHost& host;
  /// The daemon stops: then the loop answers no more, and the next start cleans up.
  std::stop_token daemon_stops;
  std::stop_token stop;  ///< any reason to give up (BuildStop)
  BuildProgress& progress;

  Result<void> StopRequested() const {
    if (!stop.stop_requested()) return {};
    return Fail(ErrorCode::kCancelled, "the image build was stopped");
  }
  /// Asks the loop thread. It is asked also when the client has gone; only a daemon that stops ends the
  /// wait.
  template <typename Question>
  auto Ask(Question question) const {
    return AskLoop(host.mailbox, daemon_stops, std::move(question));
  }
};

}  // namespace spawnd::daemon
