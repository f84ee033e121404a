/// What the loop thread knows of images beyond the catalog: builds that are under way, and images that wait
/// to go. Building itself is daemon/build/build.h, on job threads.
///
/// Loop thread only. Nothing here survives the process; the catalog's rows do (pending, deleting), and
/// reconciliation finishes what they say.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "daemon/catalog/catalog.h"

namespace spawnd::daemon {

struct DaemonState;

class Images {
 public:
  explicit Images(DaemonState& state) : state_(state) {}
  Images(const Images&) = delete;
  Images& operator=(const Images&) = delete;

  /// Inserts a pending row. `stop` is asked to stop when the image is deleted while it is being built.
  Result<int64_t> BeginBuild(const ImageRow& row, std::stop_source stop);
  /// Its lifetime begins now.
  Result<void> CompleteBuild(int64_t id, ImageCompletion completion);
  /// The build failed and its files are gone: forgets the row.
  Result<void> AbandonBuild(int64_t id);

  /// Marks it deleting; files and row go behind, once nothing uses it. kInUse, naming them, when containers
  /// do.
  Result<void> Delete(int64_t id);
  /// The same of a hidden one, which every build stands on: kInUse as well while anything is being built.
  Result<void> DeleteBuiltIn(int64_t id);
  /// Takes up a removal that the last daemon had begun.
  void ResumeDelete(int64_t id);
  /// A container of this image is gone for good: the image may have waited for that.
  void ContainerGone(int64_t image_id);
  /// Tries again what could not be removed (the catalog's disk was full, say). The reaper calls.
  void ResumeRemovals();

 private:
  void TryRemove(int64_t id);
  /// Takes out of `layers` those that some image still refers to; the rest may be removed.
  void KeepUsedLayers(std::vector<std::string>& layers);
  /// A build had leased these and does not any more: whatever else kept them may be gone meanwhile.
  void EndLease(int64_t id, std::vector<std::string> layers);

  DaemonState& state_;
  std::map<int64_t, std::stop_source> builds_;
  std::set<int64_t> going_;  ///< marked deleting, row not removed yet
};

}  // namespace spawnd::daemon
