/// Where PostgreSQL servers are found on this machine, and what their version numbers mean. Runs
/// "postgres --version" of each candidate; called at daemon start, from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engines/engine.h"

namespace spawnd::engines::postgresql {

/// Roots under /usr/lib/postgresql, /usr/pgsql-* and `search_paths`. A search path is a root (has
/// bin/postgres), an unpacked npm package (native/ or package/native/ below it), or a folder of either. One
/// binary is listed once (engines/server_search.h). Newest version first.
std::vector<Installation> DetectInstallations(const std::vector<std::string>& search_paths);

/// "15.20" of "postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)"; empty when the text is something else.
std::string ParseVersionOutput(std::string_view output);

/// The part that a data directory belongs to: "15" of "15.20", "9.6" of "9.6.24", "18" of "18beta1"; empty
/// when there is no number in front. https://www.postgresql.org/support/versioning/
std::string MajorVersionOf(std::string_view version);

/// "15.20" serves whoever asked for "15", "15.0" or "15.4".
bool SameMajorVersion(std::string_view installed, std::string_view wanted);

/// The major version as a number; 0 when there is none, and 9 for all of 9.x.
int MajorNumberOf(std::string_view version);

}  // namespace spawnd::engines::postgresql
