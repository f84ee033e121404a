#include "daemon/build/backups.h"

#include <utility>

#include "base/file.h"
#include "daemon/access/caller.h"
#include "daemon/build/text_in_memory.h"

namespace spawnd::daemon {
namespace {

/// Bounds the entries of the folder itself. A dump in directory format has a file for each table.
constexpr size_t kMaxFolderEntries = 200'000;

}  // namespace

Result<std::unique_ptr<CallersFolder>> CallersFolder::Make(const Identity& caller, const std::string& path,
                                                           UniqueFd folder_fd) {
  std::unique_ptr<CallersFolder> folder(new CallersFolder(caller, path, std::move(folder_fd)));
  TRY_ASSIGN(folder->names_, NamesInFolder(folder->Descriptor(), "backup '" + path + "'", kMaxFolderEntries));
  return folder;
}

Result<UniqueFd> CallersFolder::Open(const std::string& relative_path) const {
  return OpenAsCaller(caller_, path_ + "/" + relative_path, "file");
}

Result<std::vector<OpenedBackup>> OpenBackups(const api::CreateDataImageRequest& request,
                                              const Identity& caller) {
  std::vector<OpenedBackup> opened;
  for (std::string path : request.backups) {
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    TRY_ASSIGN(FileOrFolder found, OpenFileOrFolderAsCaller(caller, path, "backup"));
    OpenedBackup& backup = opened.emplace_back();
    backup.name = path.substr(path.rfind('/') + 1);
    if (found.is_folder) {
      TRY_ASSIGN(backup.folder, CallersFolder::Make(caller, path, std::move(found.fd)));
    } else {
      backup.fd = std::move(found.fd);
      backup.reopens = true;
    }
  }
  return opened;
}

Result<OpenedBackup> OpenScript(const Identity& caller, const FoundScript& script) {
  OpenedBackup opened;
  opened.name = script.name;
  opened.is_script = true;
  TRY_ASSIGN(opened.fd, OpenAsCaller(caller, script.path, "script"));
  return opened;
}

Result<OpenedBackup> ScriptAsBackup(std::string_view name, std::string_view text) {
  OpenedBackup backup;
  backup.name = name;
  backup.is_script = true;
  TRY_ASSIGN(backup.fd, TextInMemory(backup.name, text));
  return backup;
}

Result<void> Recognise(const engines::Engine& engine, OpenedBackup& backup) {
  engines::RestoreRequest request;
  request.backup_name = backup.name;
  request.backup_fd = backup.fd.Get();
  request.reopens = backup.reopens;
  request.folder = backup.folder.get();
  request.is_script = backup.is_script;
  TRY_ASSIGN(backup.recognised, engine.Recognise(request));
  return {};
}

}  // namespace spawnd::daemon
