/// Building one data image, start to end, as straight-line code on a job thread.
///
/// The row is pending from before the first expensive step until everything is sealed and durable, so that a
/// daemon that was killed anywhere in between finds in the catalog what to remove (daemon/reconcile.h). After
/// any error nothing is left: no process, no file, no row.
#pragma once

#include <stop_token>

#include "api/types.h"
#include "base/process.h"
#include "daemon/http/server.h"

namespace spawnd::daemon {

struct DaemonState;

struct BuildOrder {
  api::CreateDataImageRequest request;  ///< names, tags and teams have been checked
  Identity caller;                      ///< whose files and tools
  uid_t owner = 0;                      ///< whose image
  http::Reply reply;
  std::vector<std::string> warnings;  ///< for the answer
};

/// Builds, and answers `order.reply`: with a plain error as long as nothing has begun, with a stream of
/// progress and one last line after that. Ends early when the client goes away, the image is deleted or
/// `stop` says so.
void BuildImage(DaemonState& state, BuildOrder order, const std::stop_token& stop);

}  // namespace spawnd::daemon
