/// What the parts of one image build share. Job thread of that build only.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "daemon/daemon_state.h"
#include "daemon/http/server.h"
#include "daemon/images/build_feed.h"
#include "daemon/loop/ask_loop.h"

namespace spawnd::daemon {

/// Tells the client where a build is, and those who wait for its image. Lines about bytes come at most ten
/// times a second.
class BuildProgress {
 public:
  explicit BuildProgress(http::Reply reply) : reply_(std::move(reply)) {}

  void Stage(std::string_view stage) { Bytes(stage, 0, 0); }
  void Bytes(std::string_view stage, uint64_t done, uint64_t total);
  /// A warning to show on its own line.
  void Message(std::string_view message);
  /// Why it takes long, to show as well.
  void Note(std::string_view note);

  const std::shared_ptr<BuildFeed>& Feed() const { return feed_; }

 private:
  void Say(const api::Progress& progress);

  http::Reply reply_;
  std::shared_ptr<BuildFeed> feed_ = std::make_shared<BuildFeed>();
  std::string stage_;
  std::chrono::steady_clock::time_point last_;
};

struct BuildContext {
  DaemonState& state;
  /// The daemon stops: then the loop answers no more, and the next start cleans up.
  std::stop_token daemon_stops;
  /// Any reason to give up: the daemon stops, the client has gone, the image is being deleted.
  std::stop_token stop;
  BuildProgress& progress;

  Result<void> StopRequested() const {
    if (!stop.stop_requested()) return {};
    return Fail(ErrorCode::kCancelled, "the image build was stopped");
  }
  /// For what must happen even when the client has gone.
  template <typename Question>
  auto Ask(Question question) const {
    return AskLoop(*state.mailbox, daemon_stops, std::move(question));
  }
};

}  // namespace spawnd::daemon
