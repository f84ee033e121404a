/// The backups and scripts of one image build: opening them as the caller, recognising them, placing files
/// before the server starts and running the engine's restore steps once it has. Job thread only.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/types.h"
#include "base/process.h"
#include "base/unique_fd.h"
#include "daemon/build/context.h"
#include "daemon/build/script_folders.h"
#include "daemon/build/server.h"
#include "engines/engine.h"

namespace spawnd::daemon {

/// As the engine sees a backup that is a folder; opens with the rights of the caller.
class CallersFolder final : public engines::BackupFolder {
 public:
  static Result<std::unique_ptr<CallersFolder>> Make(const Identity& caller, const std::string& path,
                                                     int folder_fd);
  const std::vector<std::string>& Names() const override { return names_; }
  Result<UniqueFd> Open(const std::string& relative_path) const override;

 private:
  CallersFolder(Identity caller, std::string path) : caller_(std::move(caller)), path_(std::move(path)) {}
  const Identity caller_;
  const std::string path_;
  std::vector<std::string> names_;
};

struct OpenedBackup {
  std::string name;  ///< for messages
  std::string path{};
  UniqueFd fd{};  ///< not of a folder
  std::unique_ptr<CallersFolder> folder{};
  bool is_script = false;
};

/// Opens every backup of the request with the caller's rights.
Result<std::vector<OpenedBackup>> OpenBackups(const api::CreateDataImageRequest& request,
                                              const Identity& caller);

/// Opens a file of a scripts folder with the caller's rights.
Result<OpenedBackup> OpenScript(const Identity& caller, const FoundScript& script);

/// A script text as a file to restore from, in memory.
Result<OpenedBackup> ScriptAsBackup(std::string_view name, std::string_view text);

struct Restore {
  const engines::Engine& engine;
  const engines::Installation& installation;
  const Identity& caller;
  std::string log_path;
};

/// Into the image's log, a line each.
void LogNotes(const Restore& restore, const std::vector<std::string>& notes);

/// The version that the backup's content dictates, as Engine::VersionOfBackup has it.
Result<std::string> VersionOfBackup(const engines::Engine& engine, const OpenedBackup& backup);

/// Says now, before anything expensive, what would be refused later: kInvalidArgument for what is no backup
/// of this engine. True when it has files to be placed before the server starts.
Result<bool> HasPlacements(const Restore& restore, const OpenedBackup& backup, const std::string& database);

/// Puts the backup's files on the volume of a server that is held before its start.
Result<void> RunPlacements(const BuildContext& context, const Restore& restore, const OpenedBackup& backup,
                           const std::string& database, BuildServer& server);

/// Restores one backup into the running server. The error of a tool has its own words; everything it said is
/// in the log.
Result<void> RunRestore(const BuildContext& context, const Restore& restore, const OpenedBackup& backup,
                        const std::string& database, const BuildServer& server);

}  // namespace spawnd::daemon
