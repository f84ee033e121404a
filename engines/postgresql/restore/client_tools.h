/// The programs that restore: psql and pg_restore of this host. What lies outside of /usr no tool can reach
/// (engines/restore.h), so it is passed over. Safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engines/parts.h"

namespace spawnd::engines::postgresql {

struct ClientTool {
  std::string path;         ///< for tools
  std::string version;      ///< "15.20"
  std::string host_path{};  ///< where it is on this host
};

/// The newest `name` ("psql", "pg_restore") under /usr/lib/postgresql/*/bin and /usr/pgsql-*/bin, of the
/// installation that is restored into and of the others that are known and lie below /usr, else the one in
/// PATH. `path` is where tools find it: the installation is at `engine_root` there. Debian's /usr/bin/psql is
/// passed over: it is a Perl program that only looks for the others. kUnsupported, with the package to
/// install, when there is none that runs; kNotReady when one of them could not be asked, which may be the
/// newest, for as long as it was tried. What one has said holds while it is the same file. Blocks.
Result<ClientTool> FindClientTool(std::string_view name, const Installation& installation = {},
                                  const std::string& engine_root = {});

/// Roots of the installations that there are, wherever the administrator has them searched for. The last word
/// counts.
void KnowInstallations(const std::vector<Installation>& installations);

/// psql, which has to have the restricted mode (\restrict) in which a backup cannot give it commands.
/// kUnsupported, with the versions that have it, when the newest has not.
Result<ClientTool> FindPsql(const Installation& installation = {}, const std::string& engine_root = {});
/// The same of a psql that was found; kNotReady as above.
Result<void> CheckRestricts(const ClientTool& psql);

/// The version at the end of "pg_restore (PostgreSQL) 15.20 (Debian ...)".
std::string ParseToolVersion(std::string_view output);

}  // namespace spawnd::engines::postgresql
