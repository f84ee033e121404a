/// The backups and scripts of one image build: opening them as the caller, recognising them, and running the
/// engine's restore steps against the build server. Job thread only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/types.h"
#include "base/process.h"
#include "base/unique_fd.h"
#include "daemon/image_builder_context.h"
#include "daemon/image_builder_server.h"
#include "engines/engine.h"

namespace spawnd::daemon {

struct OpenedBackup {
  std::string name;  ///< for messages
  UniqueFd fd;
};

/// Opens every backup of the request with the caller's rights.
Result<std::vector<OpenedBackup>> OpenBackups(const api::CreateDataImageRequest& request,
                                              const Identity& caller);

/// A script text as a file to restore from, in memory.
Result<OpenedBackup> ScriptAsBackup(std::string_view name, std::string_view text);

struct Restore {
  const engines::Engine& engine;
  const engines::Installation& installation;
  const Identity& caller;
  std::string log_path;
};

/// Says now, before anything expensive, what would be refused later: kInvalidArgument for a file that is no
/// backup of this engine.
Result<void> CheckBackup(const Restore& restore, const OpenedBackup& backup, const std::string& database);

/// Restores one backup into the server. The error of a tool has its own words; everything it said is in the
/// log.
Result<void> RunRestore(const BuildContext& context, const Restore& restore, const OpenedBackup& backup,
                        const std::string& database, const BuildServer& server);

}  // namespace spawnd::daemon
