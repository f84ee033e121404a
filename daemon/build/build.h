/// Building one data image, start to end, as straight-line code on a job thread (daemon/build/run.h has its
/// frame).
#pragma once

#include <memory>
#include <stop_token>
#include <vector>

#include "api/types.h"
#include "base/identity.h"
#include "base/result.h"
#include "daemon/build/client_files.h"
#include "daemon/build/host.h"
#include "daemon/build/progress.h"
#include "daemon/catalog/events.h"
#include "daemon/catalog/rows.h"

namespace spawnd::daemon {

struct BuildOrder {
  api::CreateDataImageRequest request;  ///< names, tags and teams have been checked
  std::vector<ClientFile> backups{};    ///< that the request speaks of
  std::vector<ClientFile> scripts_folders{};
  std::vector<ClientFile> wal_folders{};        ///< at most one
  Identity caller;                              ///< whose files and tools
  pid_t client = 0;                             ///< the process that asks
  std::shared_ptr<const UniqueFd> client_fd{};  ///< its pidfd, if it is there
  uid_t owner = 0;                              ///< whose image
  std::stop_token withdrawn;                    ///< whoever ordered it does not want it any more
  std::vector<std::string> idle_teams{};        ///< ImageRow::idle_teams
  EventCause cause{};                           ///< who asks, for those who are told of it
  int64_t source_id = 0;                        ///< ImageRow::source_id
  bool source_run = false;                      ///< ImageRow::source_run
  int64_t cut = 0;  ///< the hidden image that it is made of by promotion; 0: it is no standby's
};

/// The completed image; its detail says when another product stands in for the one that was asked for. Ends
/// early, with kCancelled, when the order is withdrawn, the image is deleted or `stop` says so.
Result<ImageRow> BuildImage(BuildHost& host, BuildOrder order, BuildProgress& progress,
                            const std::stop_token& stop);

}  // namespace spawnd::daemon
