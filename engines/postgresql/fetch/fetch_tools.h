/// What the fetch plans of PostgreSQL have in common: how its tools are told where the server is, where they
/// are installed, and what their complaints mean. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engines/fetch/plan.h"

namespace spawnd::engines::postgresql {

/// For `--dbname`, without any password: host, port, user, TLS, and how soon a connection that is gone is
/// noticed.
std::string ConnectionInfo(const FetchRequest& request, const std::string& database);

/// What gives the password to libpq (ConnectionInfo names the file).
FetchSecret PasswordFile(const FetchRequest& request);

/// Where `name` ("pg_dump") of major version `lowest` or later may be, the lowest first, and what PATH finds
/// last. `lowest` 0: any, the newest first. `exactly`: no later one.
std::vector<std::string> ToolPlaces(std::string_view name, int lowest, bool exactly,
                                    const std::vector<Installation>& usable);

/// What the tools' words mean. `server_major` 0: not known yet.
std::vector<FetchFailure> ToolFailures(const FetchRequest& request, const std::string& database,
                                       int server_major);

}  // namespace spawnd::engines::postgresql
