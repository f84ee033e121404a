/// Making an export file that was received into a data image, as straight-line code on a job thread.
///
/// All of it is checked first, while there is neither a row nor a file in the store; then its layers and its
/// index move there. After any error nothing is left of the image. What was received stays when it was not to
/// blame, so that the next try begins with all of it here.
#pragma once

#include <sys/types.h>

#include <stop_token>
#include <string>
#include <vector>

#include "api/types.h"
#include "base/result.h"
#include "daemon/build/host.h"
#include "daemon/build/progress.h"
#include "daemon/catalog/events.h"
#include "daemon/catalog/rows.h"
#include "daemon/transfer/imports.h"

namespace spawnd::daemon {

struct ImportOrder {
  api::ImportDataImageRequest request;    ///< name, tags and teams have been checked
  uid_t owner = 0;                        ///< whose image it will be
  std::stop_token withdrawn;              ///< whoever ordered it does not want it any more
  std::vector<std::string> idle_teams{};  ///< ImageRow::idle_teams
  EventCause cause{};                     ///< who asks, for those who are told of it
  bool trusts_masks = false;              ///< what the file says of its masks is taken over
  bool requires_masked = false;           ///< shared images have to be masked
};

struct ImportedRow {
  ImageRow row;
  std::vector<std::string> warnings;  ///< what is missing to run it
};

/// The completed image. Ends early as BuildImage does (daemon/build/build.h).
Result<ImportedRow> ImportImage(BuildHost& host, Imports& imports, const ImportOrder& order,
                                BuildProgress& progress, const std::stop_token& stop);

}  // namespace spawnd::daemon
