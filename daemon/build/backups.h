/// The backups and scripts of one image build: opening them with the caller's rights, and having the engine
/// look at them. Job thread only.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/types.h"
#include "base/process.h"
#include "base/unique_fd.h"
#include "daemon/build/script_folders.h"
#include "engines/engine.h"

namespace spawnd::daemon {

/// A backup that is a folder, as the engine sees it. Its files are opened with the rights of the caller.
class CallersFolder final : public engines::BackupFolder {
 public:
  static Result<std::unique_ptr<CallersFolder>> Make(const Identity& caller, const std::string& path,
                                                     UniqueFd folder_fd);
  const std::vector<std::string>& Names() const override { return names_; }
  Result<UniqueFd> Open(const std::string& relative_path) const override;
  /// Of the folder itself.
  int Descriptor() const { return fd_.Get(); }

 private:
  CallersFolder(Identity caller, std::string path, UniqueFd fd)
      : caller_(std::move(caller)), path_(std::move(path)), fd_(std::move(fd)) {}
  const Identity caller_;
  const std::string path_;
  const UniqueFd fd_;
  std::vector<std::string> names_;
};

struct OpenedBackup {
  std::string name;      ///< for messages
  UniqueFd fd{};         ///< not of a folder
  bool reopens = false;  ///< the caller may open it again by its descriptor
  std::unique_ptr<CallersFolder> folder{};
  bool is_script = false;
  /// What the engine saw in it; refers to `fd` and `folder`.
  std::unique_ptr<engines::RecognisedBackup> recognised{};
};

/// Opens every backup of the request with the caller's rights.
Result<std::vector<OpenedBackup>> OpenBackups(const api::CreateDataImageRequest& request,
                                              const Identity& caller);

/// Opens a file of a scripts folder with the caller's rights.
Result<OpenedBackup> OpenScript(const Identity& caller, const FoundScript& script);

/// A script text as a file to restore from, in memory.
Result<OpenedBackup> ScriptAsBackup(std::string_view name, std::string_view text);

/// Has the engine look at the backup; to be called once for each engine. kInvalidArgument when it is no
/// backup of this engine.
Result<void> Recognise(const engines::Engine& engine, OpenedBackup& backup);

}  // namespace spawnd::daemon
