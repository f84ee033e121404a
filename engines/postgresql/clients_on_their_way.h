/// Clients that the server has accepted and not let in yet. No view shows them; the titles of its processes
/// do.
#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace spawnd::engines::postgresql {

/// `connection`: of a session in the server's own process namespace. Errors: kUnavailable.
Result<uint32_t> CountClientsOnTheirWayIn(const PGconn* connection);

/// Whether a process of the server that shows this title is letting somebody in, or may be about to: one that
/// shows none of its own yet.
bool IsLettingIn(std::string_view title);

}  // namespace spawnd::engines::postgresql
