/// Containers that are started before somebody asks: which there are to be, making them in the background,
/// giving them up for anything that somebody asked for, and handing one over.
///
/// A pooled container is a row like any other that says `pooled` and is nobody's: a restart of the daemon
/// finds it running as it does all others. It never outlives its image, an upgrade of its server or of
/// spawnd, or a change of what the machine gives to containers.
///
/// One is started at a time, and only while nobody waits for a start of his own, the disk is below its
/// warning level, and the machine and the budget have the memory (plan.h). What is wrong with the making of
/// one is tried again later; nobody waits for it.
///
/// Loop thread only. Nothing here survives the process.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "daemon/catalog/catalog.h"
#include "daemon/loop/event_loop.h"
#include "daemon/pool/plan.h"

namespace spawnd::daemon {

class Containers;
class ControlGroups;
class Disk;
class Installations;
class Jobs;
class Mailbox;
class Metrics;
class Ports;
class ReadyMemory;
struct EngineHost;

/// Why one is given up: a word for metrics, and the end of "it was given up: ...".
struct GiveUpReason {
  std::string_view word;
  std::string text;
};

class Pool {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// All outlive this but for the jobs, which have stopped before it goes.
  struct Uses {
    Catalog& catalog;
    Containers& containers;
    const EngineHost& engine_host;
    const ControlGroups& groups;
    Ports& ports;
    Installations& installations;
    const Disk& disk;
    ReadyMemory& ready;
    Jobs& launches;
    Jobs& recoveries;
    Jobs& questions;
    Mailbox& mailbox;
    Metrics& metrics;
  };

  /// `default_warm`: of images that say nothing, and were used in the last day.
  Pool(Uses uses, int64_t default_warm);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// From here on pools are filled. After the containers have been adopted.
  Result<void> Start(uv_loop_t* loop);
  /// The daemon stops: nothing is made or given up any more.
  void Stop();
  /// To be called when something has changed that pools depend on: an image was used, updated or deleted, a
  /// container has gone. Cheap; what is to be done is done soon.
  void Poke();

  /// Gives the caller one of that image, if one waits that is what `wanted` says: `wanted` is its row then,
  /// but for what the container has already (id, host, port, credentials). Nothing: there is none, and the
  /// create starts cold. Errors: kAlreadyExists (the name).
  Result<std::optional<ContainerRow>> Take(ContainerRow wanted, const ImageRow& image);
  /// Somebody needs what one of them has: the one that is least likely to be asked for goes. False: there is
  /// none.
  bool GiveUpOne(const GiveUpReason& why);
  /// Somebody's server is about to start: gives up what it takes for the machine to have the memory.
  void MakeRoom();

  /// How many could be handed over now, by image.
  Result<std::map<int64_t, int64_t>> ReadyByImage() const;

 private:
  struct Trouble {
    int failures = 0;
    Time not_before{};
  };

  void Look();
  void GiveUpStale(std::vector<ContainerRow>& rows);
  void Measure(const std::vector<ContainerRow>& rows);
  std::vector<PoolOfImage> Pools(const std::vector<ContainerRow>& rows,
                                 const std::vector<WantedPool>& wanted) const;
  uint64_t Budget(const std::vector<PoolOfImage>& pools) const;
  uint64_t BytesOf(int64_t image_id) const;
  std::string WhyStale(const ContainerRow& row);
  bool IsAsWanted(const ContainerRow& row, const ContainerRow& wanted, const ImageRow& image) const;
  bool MayFill(int64_t image_id);
  void Fill(int64_t image_id);
  Result<void> BeginFill(int64_t image_id);
  void Filled(int64_t image_id, const Result<ContainerRow>& made);
  void GiveUp(int64_t id, const GiveUpReason& why);

  const Uses uses_;
  const int64_t default_warm_;
  std::map<int64_t, uint64_t> bytes_of_image_;  ///< the most that one of it had
  std::map<int64_t, Trouble> troubles_;         ///< by image
  std::optional<int64_t> filling_;              ///< the image of the one that is being started
  std::optional<Time> wanted_since_;            ///< the next one waits for a good moment
  bool measuring_ = false;
  bool stopped_ = true;
  int looks_ = 0;
  uv_loop_t* loop_ = nullptr;
  std::unique_ptr<Watch> timer_;
  std::unique_ptr<Watch> soon_;
};

}  // namespace spawnd::daemon
