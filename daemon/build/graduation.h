/// Making a revision of a container into a data image, as straight-line code on a job thread.
///
/// A server of its own is started over the revision (which nobody changes, so the container may run, be down
/// or go back meanwhile), the container's credentials are taken out of it as of any image that is built, it
/// is stopped, and what differs from the container's image is sealed. The layers of that image are kept from
/// the moment the new row is there. After any error nothing is left: no process, no file, no row.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <stop_token>

#include "api/types.h"
#include "base/result.h"
#include "daemon/build/host.h"
#include "daemon/build/progress.h"
#include "daemon/catalog/events.h"
#include "daemon/catalog/rows.h"

namespace spawnd::daemon {

struct GraduationOrder {
  api::GraduateDataContainerRequest request;  ///< name, tags and teams have been checked
  ContainerRow container;
  ImageRow image;                         ///< of the container
  uint32_t revision = 0;                  ///< one that it has; 0: the image
  uid_t owner = 0;                        ///< whose image it will be
  std::stop_token withdrawn;              ///< whoever ordered it does not want it any more
  std::vector<std::string> idle_teams{};  ///< ImageRow::idle_teams
  EventCause cause{};                     ///< who asks, for those who are told of it
};

/// The completed image. Ends early as BuildImage does (daemon/build/build.h).
Result<ImageRow> Graduate(BuildHost& host, const GraduationOrder& order, BuildProgress& progress,
                          const std::stop_token& stop);

}  // namespace spawnd::daemon
