/// The frame of every image build: a pending row, then its content, then completed or gone. Job threads.
///
/// The row is pending from before the first expensive step until everything is sealed and durable, so that a
/// daemon that was killed anywhere in between finds in the catalog what to remove (daemon/reconcile.h). After
/// any error nothing is left: no process, no file, no row; but for the log of a build that failed, which
/// stays for a day (daemon/store/failed_logs.h).
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "daemon/build/context.h"
#include "daemon/catalog/rows.h"

namespace spawnd::daemon {

/// An image that is being made.
struct PendingImage {
  int64_t id = 0;
  std::string layer_id;  ///< of the layer that its own data goes into
};

struct BuildRun {
  /// On the loop thread: inserts the pending row (Images::BeginBuild) and returns its id. Owns what it uses.
  std::function<Result<int64_t>()> begin;
  /// Makes the content, as files that are sealed and durable.
  std::function<Result<ImageCompletion>(const PendingImage&)> make;
  /// Under what name, and whose, the log of the build is kept when it fails; without a name it is not.
  std::string name{};
  uid_t owner = 0;
};

/// The row as it is once the image is completed.
Result<ImageRow> Run(const BuildContext& context, const BuildRun& run);

/// Names the reason why `what` ("the image build") ended with `error`. When a stop was asked for, the stop
/// is the reason; when the disk is full, the full disk is. It does not matter which part of the build
/// noticed it first.
Error WhyItEnded(Error error, const BuildContext& context, const std::string& what);

}  // namespace spawnd::daemon
