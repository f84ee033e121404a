/// The backups and scripts of one image build: what the client has sent, and having the engine look at it.
/// Job thread only.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "daemon/access/folder_access.h"
#include "daemon/build/backup_state.h"
#include "daemon/build/client_files.h"
#include "daemon/build/context.h"
#include "daemon/build/programs_in.h"
#include "daemon/build/script_folders.h"
#include "daemon/build/unpacked_folder.h"
#include "engines/engine.h"

namespace spawnd::daemon {

/// A backup that is a folder, as the engine sees it. Its files are opened with the rights of the client.
class ClientFolder final : public engines::BackupFolder {
 public:
  /// `folder_fd` outlives it.
  static Result<std::unique_ptr<ClientFolder>> Make(const FileRights& rights, const std::string& name,
                                                    int folder_fd);
  const std::vector<std::string>& Names() const override { return names_; }
  Result<UniqueFd> Open(const std::string& relative_path) const override;
  std::vector<std::string> WorkedInBy() const override { return ProgramsIn(folder_fd_); }

 private:
  ClientFolder(FileRights rights, std::string name, int folder_fd)
      : rights_(std::move(rights)), name_(std::move(name)), folder_fd_(folder_fd) {}
  const FileRights rights_;
  const std::string name_;
  const int folder_fd_;
  std::vector<std::string> names_;
};

struct OpenedBackup {
  std::string name;  ///< for messages
  /// Of a file, or of the only one in a folder; its offset may be the client's, too.
  UniqueFd fd{};
  bool reopens = false;  ///< the client's user may open it again by its descriptor
  UniqueFd folder_fd{};  ///< of a folder
  std::unique_ptr<ClientFolder> folder{};
  /// Of an archive that stands for the folder in it: the file, and what was in it.
  UniqueFd archive_fd{};
  std::unique_ptr<UnpackedFolder> unpacked{};
  std::unique_ptr<ClientFolder> unpacked_names{};
  bool is_script = false;
  std::optional<BackupState> state{};  ///< as it was opened; not of a script
  /// What the engine saw in it; refers to `fd` and `folder`.
  std::unique_ptr<engines::RecognisedBackup> recognised{};
};

/// Takes what the client has sent as backups; waits for pipes to end.
Result<std::vector<OpenedBackup>> OpenBackups(const BuildContext& context, std::vector<ClientFile> files,
                                              const FileRights& rights);

/// The same of what may be one folder of logs; kInvalidArgument for a file. None: none.
Result<std::optional<OpenedBackup>> OpenLogs(const BuildContext& context, std::vector<ClientFile> folders,
                                             const FileRights& rights);

/// Says so when the backup is another than it was opened as; of an error that this may be the cause of, too.
Result<void> CheckUnchanged(const OpenedBackup& backup, const FileRights& rights, Result<void> restored = {});

/// Opens a file of a scripts folder.
Result<OpenedBackup> OpenScript(const FileRights& rights, const FoundScript& script);

/// A script text as a file to restore from, in memory.
Result<OpenedBackup> ScriptAsBackup(std::string_view name, std::string_view text);

/// What was unpacked, else the client's own; nullptr and -1 of a file.
inline const ClientFolder* FolderOf(const OpenedBackup& backup) {
  return backup.unpacked ? backup.unpacked_names.get() : backup.folder.get();
}
inline int FolderFdOf(const OpenedBackup& backup) {
  return backup.unpacked ? backup.unpacked->Fd() : backup.folder_fd.Get();
}

/// A folder, and not the only file in one.
inline bool IsFolder(const OpenedBackup& backup) {
  return FolderOf(backup) != nullptr && !backup.fd.Valid();
}

/// Has the engine look at the backup; to be called once for each engine. A folder that is none, but has one
/// file in it, stands for that. kInvalidArgument when it is no backup of this engine.
Result<void> Recognise(const engines::Engine& engine, OpenedBackup& backup);

/// The same of what the client sent: an archive of several files that the engine does not take stands for the
/// folder in it, and is unpacked. `logs`: a folder for it, which outlives it; nullptr: none.
Result<void> RecogniseOrUnpack(const BuildContext& context, const FileRights& rights,
                               const engines::Engine& engine, OpenedBackup& backup, const OpenedBackup* logs);

}  // namespace spawnd::daemon
