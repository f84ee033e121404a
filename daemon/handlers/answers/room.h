/// Whether there is room on the disk for work that takes some: create, save, graduate. Loop thread.
#pragma once

#include <string>
#include <vector>

#include "base/process.h"
#include "base/result.h"
#include "daemon/handlers/services.h"
#include "daemon/http/message.h"

namespace spawnd::daemon {

/// Warnings for the answer when room is getting scarce; kNoSpace when there is none. Costs one statvfs.
Result<std::vector<std::string>> CheckRoom(const Disk& disk);

/// Answers with that kNoSpace, and what `who` could delete, which takes a while to find out.
void SendNoRoom(Services& services, const http::Caller& who, const http::Reply& reply, Error error);

}  // namespace spawnd::daemon
