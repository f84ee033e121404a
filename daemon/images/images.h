/// What the loop thread knows of images beyond the catalog: builds that are under way, and images that wait
/// to go. Building itself is daemon/build/build.h, on job threads.
///
/// Loop thread only. Nothing here survives the process; the catalog's rows do (pending, deleting), and
/// reconciliation finishes what they say.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "daemon/catalog/catalog.h"
#include "daemon/images/build_feed.h"
#include "daemon/loop/jobs.h"
#include "daemon/loop/mailbox.h"
#include "daemon/store/layout.h"
#include "daemon/store/reserve.h"

namespace spawnd::daemon {

class Images {
 public:
  /// All outlive this. `expiries_changed` is called when an image's lifetime has begun.
  Images(Catalog& catalog, const StoreLayout& layout, SpaceReserve& reserve, Jobs& removals, Mailbox& mailbox,
         std::function<void()> expiries_changed)
      : catalog_(catalog),
        layout_(layout),
        reserve_(reserve),
        removals_(removals),
        mailbox_(mailbox),
        expiries_changed_(std::move(expiries_changed)) {}
  Images(const Images&) = delete;
  Images& operator=(const Images&) = delete;

  /// Inserts a pending row. `stop` is asked to stop when the image is deleted while it is being built; in
  /// `feed` the build says how far it is.
  Result<int64_t> BeginBuild(const ImageRow& row, std::stop_source stop, std::shared_ptr<BuildFeed> feed);
  /// Marks the image completed and begins its lifetime.
  Result<void> CompleteBuild(int64_t id, ImageCompletion completion);
  /// Tells `why` to those who wait for the image. It removes nothing that the build left.
  void BuildFailed(int64_t id, const Error& why);
  /// The build failed and its own files are gone: the row goes, behind, with what else it kept.
  Result<void> AbandonBuild(int64_t id);

  /// Who wants an image that is being built.
  struct Waiter {
    BuildFeed::Listener progress;
    /// Once, on the loop thread and never from within WaitFor: it is made, or why it is not. kNotFound: it
    /// was deleted; kCancelled: StopWaiting; kUnavailable: the daemon stops.
    std::function<void(Result<void>)> done;
  };
  /// Returns a number for StopWaiting. kNotFound when nobody is building it; why, when its build has failed.
  Result<int64_t> WaitFor(int64_t id, Waiter waiter);
  /// Takes a waiter away and tells it kCancelled. Does nothing for one that was told already.
  void StopWaiting(int64_t number);
  /// The daemon stops: nobody need wait any more.
  void Stop();

  /// Marks it deleting; files and row go behind, once nothing uses it. kInUse when containers do, naming
  /// those that are `asker`'s.
  Result<void> Delete(int64_t id, uid_t asker = 0);
  /// The same of a hidden one, which every build stands on: kInUse as well while anything is being built.
  Result<void> DeleteBuiltIn(int64_t id);
  /// Takes up a removal that the last daemon had begun.
  void ResumeDelete(int64_t id);
  /// A file of this layer is being removed at this moment: no new image may count on it.
  bool IsLeaving(const std::string& layer) const { return leaving_.contains(layer); }
  /// A container of this image is gone for good: the image may have waited for that.
  void ContainerGone(int64_t image_id);
  /// Tries again what could not be removed (the catalog's disk was full, say). The reaper calls.
  void ResumeRemovals();

 private:
  /// Removes the files of the next image in `due_` that nothing uses. One at a time: of two images that share
  /// a layer the first leaves it to the second.
  void RemoveNext();
  void FilesRemoved(int64_t id, const std::vector<std::string>& layers, const Result<void>& removed);
  /// The layers of `layers` that no image but `except_id` refers to; they may be removed.
  Result<std::vector<std::string>> UnusedLayers(std::vector<std::string> layers, int64_t except_id);
  /// A build had leased these and does not any more: whatever else kept them may be gone meanwhile.
  void EndLease(int64_t id, std::vector<std::string> layers);

  struct Waiting {
    uint64_t listener = 0;
    std::function<void(Result<void>)> done;
  };
  struct UnderWay {
    std::stop_source stop;
    std::shared_ptr<BuildFeed> feed;
    std::map<int64_t, Waiting> waiting{};  ///< by number
    std::optional<Error> failed{};         ///< what is left of it has yet to be removed
  };
  /// Tells all that wait for it.
  void EndWaiting(UnderWay& build, const Result<void>& outcome);

  Catalog& catalog_;
  const StoreLayout& layout_;
  SpaceReserve& reserve_;
  Jobs& removals_;
  Mailbox& mailbox_;
  const std::function<void()> expiries_changed_;
  std::map<int64_t, UnderWay> builds_;
  int64_t last_waiter_ = 0;
  std::set<int64_t> going_;             ///< marked deleting, row not removed yet
  std::set<int64_t> due_;               ///< those of them to be tried now
  std::multiset<std::string> leaving_;  ///< layers whose files are being removed
  bool removing_ = false;               ///< files of one are being removed
};

}  // namespace spawnd::daemon
