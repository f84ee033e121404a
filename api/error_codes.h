/// The two tables that translate ErrorCode at the edges: HTTP status for the daemon, exit code for spawnctl.
#pragma once

#include "base/error.h"

namespace spawnd::api {

/// 400, 401, 403, 404, 409, 429, 500, 501, 503, 504, 507.
int HttpStatus(ErrorCode code);

/// docs/contract.md: 0 done; 2 not found; 7 not authenticated; 64 bad usage or input; 5 no space; 69 daemon
/// unreachable; 75 try again; 1 else.
int ExitCode(ErrorCode code);

}  // namespace spawnd::api
