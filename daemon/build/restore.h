/// Carrying out what an engine plans for a backup or script: placing files before the server starts, and the
/// restore steps once it has. Job thread only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/process.h"
#include "daemon/build/backups.h"
#include "daemon/build/context.h"
#include "daemon/build/server.h"
#include "engines/restore.h"

namespace spawnd::daemon {

struct Restore {
  const FileRights& rights;  ///< of the user whose tools run
  int client = -1;           ///< a pidfd of the process that sent the backups; -1: it is gone
  std::string log_path{};
  uint64_t* passed_over = nullptr;  ///< counts what RestoreSession::PassedOver says; may be none
};

/// Into the image's log, a line each.
void LogNotes(const Restore& restore, const std::vector<std::string>& notes);

inline constexpr std::string_view kSeeItsLog = "see its log";
/// "17 errors were passed over: see its log"; empty for none.
std::string PassedOverInWords(uint64_t passed_over);

/// `database`: initialDatabaseName, may be empty.
engines::RestoreTarget TargetOf(const std::string& database, const BuildServer& server);

/// Puts the backup's files on the volume of a server that is held before its start. `logs`: a folder of logs
/// for them; nullptr: none.
Result<void> RunPlacements(const BuildContext& context, const Restore& restore, const OpenedBackup& backup,
                           const OpenedBackup* logs, std::vector<engines::Placement>& placements,
                           BuildServer& server);

/// In the container of a server that is held before its start, one after the other.
Result<void> RunCommands(const BuildContext& context, const Restore& restore,
                         const std::vector<engines::ContainerCommand>& commands, BuildServer& server);

/// Against the running server. The error of a tool has its own words; everything it said is in the log.
Result<void> RunSteps(const BuildContext& context, const Restore& restore, const OpenedBackup& backup,
                      std::vector<engines::RestoreStep>& steps, BuildServer& server);

/// Masks what the rules say, the last of all that is done to the databases, and says of each how many rows it
/// was for: in the image's log and as messages of the build.
Result<void> RunMask(const BuildContext& context, const Restore& restore,
                     const std::vector<api::MaskRule>& rules, BuildServer& server);

}  // namespace spawnd::daemon
