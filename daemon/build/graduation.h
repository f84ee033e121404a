/// Making a revision of a container into a data image, as straight-line code on a job thread.
///
/// A server of its own is started over the revision (which nobody changes, so the container may run, be down
/// or go back meanwhile), the container's credentials are taken out of it as of any image that is built, it
/// is stopped, and what differs from the container's image is sealed. The layers of that image are kept from
/// the moment the new row is there. After any error nothing is left: no process, no file, no row.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "api/types.h"
#include "base/process.h"
#include "daemon/catalog/catalog.h"
#include "daemon/http/server.h"

namespace spawnd::daemon {

struct DaemonState;

struct GraduationOrder {
  api::GraduateDataContainerRequest request;  ///< name, tags and teams have been checked
  ContainerRow container;
  ImageRow image;         ///< of the container
  uint32_t revision = 0;  ///< one that it has; 0: the image
  Identity caller;
  http::Reply reply;
  std::vector<std::string> warnings{};  ///< for the answer
};

/// Answers `order.reply` as BuildImage does (daemon/build/build.h).
void Graduate(DaemonState& state, GraduationOrder order, const std::stop_token& stop);

}  // namespace spawnd::daemon
