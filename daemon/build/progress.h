/// Says where a build is, to whoever ordered it. Job thread of that build only.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "api/types.h"
#include "daemon/images/build_feed.h"

namespace spawnd::daemon {

/// Tells the client how far a build is, and the others who wait for its image (Feed). Lines about bytes
/// come at most ten times a second.
class BuildProgress {
 public:
  explicit BuildProgress(std::function<void(const api::Progress&)> show) : show_(std::move(show)) {}

  void Stage(std::string_view stage) { Bytes(stage, 0, 0); }
  void Bytes(std::string_view stage, uint64_t done, uint64_t total);
  /// A warning to show on its own line.
  void Message(std::string_view message);
  /// Why it takes long, to show as well.
  void Note(std::string_view note);

  const std::shared_ptr<BuildFeed>& Feed() const { return feed_; }

 private:
  void Say(const api::Progress& progress);

  const std::function<void(const api::Progress&)> show_;
  const std::shared_ptr<BuildFeed> feed_ = std::make_shared<BuildFeed>();
  std::string stage_;
  std::chrono::steady_clock::time_point last_;
};

}  // namespace spawnd::daemon
