/// What Containers knows of one container. Private to its sources.
///
/// Loop thread only; nothing here survives the process.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/message.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "daemon/catalog/rows.h"
#include "daemon/containers/outdated.h"
#include "daemon/keeper/spec.h"
#include "daemon/loop/event_loop.h"
#include "daemon/loop/jobs.h"
#include "daemon/machine/machine.h"

namespace spawnd::daemon {

/// What a keeper is to say next.
enum class LinkMode {
  kAttaching,  ///< how it is: it was asked
  kStarting,   ///< that its engine has started, and nobody else waits for that
  kServing,    ///< nothing but its end
};

/// What jobs of one container have to know of each other, because they work in volumes that it is not in.
/// Thread-safe.
class OtherVolumes {
 public:
  /// Held by the job that launches a spare, which makes files; whoever takes all files away waits for it.
  std::mutex making;
  /// Held while a volume is being left; whoever launches a keeper waits for it.
  std::mutex leaving;

  /// That which the container is in from now on.
  void SetCurrent(const std::string& volume) {
    const std::scoped_lock lock(mutex_);
    current_ = volume;
  }
  bool IsCurrent(const std::string& volume) {
    const std::scoped_lock lock(mutex_);
    return current_ == volume;
  }

 private:
  std::mutex mutex_;
  std::string current_;
};

/// The second server of a container, which waits behind the door at the revision that a reset goes back to
/// (spares.cc).
struct SecondServer {
  std::string volume;
  uint32_t revision = 0;
  std::chrono::steady_clock::time_point since{};
  std::stop_source cancel{};  ///< of its launch
  bool ready = false;
  KeeperStarted started{};  ///< once it is ready, as the two below
  // The watch goes before the descriptor.
  UniqueFd connection{};
  std::unique_ptr<Watch> watch{};
};

/// One container in memory. Everything a job needs is copied out of it: jobs know its id only.
struct ContainerLife {
  using Done = std::function<void(Result<ContainerRow>)>;

  ContainerLife(ContainerRow container_row, ImageRow image_row)
      : row(std::move(container_row)),
        image(std::move(image_row)),
        machine(row.state, row.stays_down, row.asleep) {
    others->SetCurrent(row.volume);
  }

  ContainerRow row;
  ImageRow image;
  ContainerMachine machine;
  std::stop_source cancel_launch;  ///< a new one for each launch: a cancellation is meant for one
  std::stop_source leave_line;     ///< the same; of a launch that has begun it ends nothing
  std::stop_source hurry_stop;     ///< a new one for each stop
  std::unique_ptr<Watch> timer;

  /// The connection to its keeper on which that speaks by itself (links.cc).
  struct Link {
    // The watches go before the descriptor.
    UniqueFd connection;
    MessageReader reader;
    LinkMode mode = LinkMode::kServing;
    std::unique_ptr<Watch> patience;  ///< kAttaching
    std::unique_ptr<Watch> watch;
  };
  std::unique_ptr<Link> link;
  /// An engine that has not answered yet after the first second.
  struct Starting {
    int64_t since = 0;  ///< seconds since 1970
    std::string words;  ///< the last that it said
  };
  std::optional<Starting> starting;

  /// The create that brought it to life. Set until that is answered.
  struct Creation {
    std::chrono::steady_clock::time_point received;
    Done created;
    std::function<void(const JobQueued&)> queued;  ///< its launch has to wait in line
  };
  std::optional<Creation> creation;

  std::optional<api::Confinement> confinement;  ///< as its keeper says; none while there is none
  WhatRuns runs;                                ///< the same; holds as long as that does

  int64_t oom_kills = 0;  ///< that its group had counted when its keeper started

  /// When somebody connected who waits for it to wake.
  std::optional<std::chrono::steady_clock::time_point> woken;
  std::optional<SecondServer> spare;
  /// The spare is being put in its place: the catalog says so already, and the one before is not gone yet.
  bool taking_spare = false;
  /// The revision of a revert that waits for the spare, which is starting; its caller is `reverted`.
  std::optional<uint32_t> awaits_spare;
  std::optional<uint32_t> no_spare_of;  ///< of this revision there cannot be one
  std::string why_no_spare;             ///< the same, in words
  int spare_failures = 0;               ///< one after the other
  std::unique_ptr<Watch> spare_timer;
  std::shared_ptr<OtherVolumes> others = std::make_shared<OtherVolumes>();

  int saves = 0;              ///< under way
  Done reverted;              ///< empty: nobody waits
  std::vector<Done> started;  ///< who waits for it to run
  std::vector<Done> stopped;  ///< who waits for it to be stopped
};

}  // namespace spawnd::daemon
