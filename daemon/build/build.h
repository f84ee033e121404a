/// Building one data image, start to end, as straight-line code on a job thread (daemon/build/run.h has its
/// frame).
#pragma once

#include <stop_token>

#include "api/types.h"
#include "base/process.h"
#include "base/result.h"
#include "daemon/build/host.h"
#include "daemon/build/progress.h"
#include "daemon/catalog/rows.h"

namespace spawnd::daemon {

struct BuildOrder {
  api::CreateDataImageRequest request;    ///< names, tags and teams have been checked
  Identity caller;                        ///< whose files and tools
  uid_t owner = 0;                        ///< whose image
  std::stop_token withdrawn;              ///< whoever ordered it does not want it any more
  std::vector<std::string> idle_teams{};  ///< ImageRow::idle_teams
};

/// The completed image; its detail says when another product stands in for the one that was asked for. Ends
/// early, with kCancelled, when the order is withdrawn, the image is deleted or `stop` says so.
Result<ImageRow> BuildImage(BuildHost& host, const BuildOrder& order, BuildProgress& progress,
                            const std::stop_token& stop);

}  // namespace spawnd::daemon
