#include "daemon/build/backups.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/file.h"
#include "daemon/tools/text_in_memory.h"
#include "engines/unpack/archive.h"

namespace spawnd::daemon {
namespace {

/// Bounds the entries of the folder itself. A dump in directory format has a file for each table.
constexpr size_t kMaxFolderEntries = 200'000;

/// What lies beside a backup and is none.
bool IsBesideBackup(std::string_view name) {
  constexpr std::array<std::string_view, 10> kEndings{".asc",    ".json",   ".log", ".md5",  ".sha1",
                                                      ".sha256", ".sha512", ".sig", ".yaml", ".yml"};
  return name.front() == '.' || name == "lost+found" ||
         std::any_of(kEndings.begin(), kEndings.end(),
                     [&](std::string_view end) { return name.ends_with(end); });
}

/// Empty: there are none, or several.
std::string OnlyFileIn(const engines::BackupFolder& folder) {
  std::string only;
  for (const std::string& name : folder.Names()) {
    if (IsBesideBackup(name)) continue;
    if (!only.empty()) return {};
    only = name;
  }
  return only;
}

Result<std::unique_ptr<engines::RecognisedBackup>> RecogniseOnce(const engines::Engine& engine,
                                                                 const OpenedBackup& backup,
                                                                 const OpenedBackup* logs) {
  engines::RestoreRequest request;
  request.backup_name = backup.name;
  request.backup_fd = backup.fd.Get();
  request.reopens = backup.reopens;
  request.folder = IsFolder(backup) ? FolderOf(backup) : nullptr;
  request.is_script = backup.is_script;
  if (logs != nullptr) {
    request.logs = logs->folder.get();
    request.logs_name = logs->name;
  }
  return engine.Recognise(request);
}

/// Of what the client sent.
int FdOfState(const OpenedBackup& backup) {
  if (backup.folder) return backup.folder_fd.Get();
  return backup.archive_fd.Valid() ? backup.archive_fd.Get() : backup.fd.Get();
}

Result<void> RecogniseAs(const engines::Engine& engine, OpenedBackup& backup, const OpenedBackup* logs) {
  auto recognised = RecogniseOnce(engine, backup, logs);
  if (!recognised && IsFolder(backup)) {
    const std::string only = OnlyFileIn(*FolderOf(backup));
    if (only.empty()) return Fail(recognised.error());
    auto fd = FolderOf(backup)->Open(only);
    if (!fd) return Fail(recognised.error());
    backup.fd = std::move(*fd);
    // It has been opened with the client's rights.
    backup.reopens = true;
    backup.name += "/" + only;
    recognised = RecogniseOnce(engine, backup, logs);
  }
  if (!recognised) return Fail(recognised.error());
  backup.recognised = std::move(*recognised);
  return {};
}

}  // namespace

Result<std::unique_ptr<ClientFolder>> ClientFolder::Make(const FileRights& rights, const std::string& name,
                                                         int folder_fd) {
  std::unique_ptr<ClientFolder> folder(new ClientFolder(rights, name, folder_fd));
  TRY_ASSIGN(folder->names_, NamesInFolder(folder_fd, "backup '" + name + "'", kMaxFolderEntries));
  return folder;
}

Result<UniqueFd> ClientFolder::Open(const std::string& relative_path) const {
  const std::string what = "file '" + name_ + "/" + relative_path + "'";
  TRY_ASSIGN(FileOrFolder opened, OpenBeneath(rights_, folder_fd_, relative_path, what));
  if (opened.is_folder) return Fail(ErrorCode::kInvalidArgument, what + " is a directory");
  return std::move(opened.fd);
}

Result<std::vector<OpenedBackup>> OpenBackups(const BuildContext& context, std::vector<ClientFile> files,
                                              const FileRights& rights) {
  std::vector<OpenedBackup> opened;
  for (ClientFile& file : files) {
    OpenedBackup& backup = opened.emplace_back();
    backup.name = file.name;
    TRY_ASSIGN(ReceivedFile received, Receive(context, std::move(file), "backup", rights.identity.uid));
    if (!received.is_folder) {
      backup.reopens = MayOpenAgain(rights, received.fd.Get());
      backup.fd = std::move(received.fd);
      TRY_ASSIGN(backup.state, BackupState::Of(rights, backup.fd.Get(), false));
      continue;
    }
    backup.folder_fd = std::move(received.fd);
    TRY_ASSIGN(backup.folder, ClientFolder::Make(rights, backup.name, backup.folder_fd.Get()));
    TRY_ASSIGN(backup.state, BackupState::Of(rights, backup.folder_fd.Get(), true));
  }
  return opened;
}

Result<std::optional<OpenedBackup>> OpenLogs(const BuildContext& context, std::vector<ClientFile> folders,
                                             const FileRights& rights) {
  if (folders.empty()) return std::optional<OpenedBackup>();
  TRY_ASSIGN(auto opened, OpenBackups(context, std::move(folders), rights));
  if (opened.front().folder == nullptr) {
    return Fail(ErrorCode::kInvalidArgument, "walFolder '" + opened.front().name + "' is a file",
                "Name the folder that it is in.");
  }
  return std::optional<OpenedBackup>(std::move(opened.front()));
}

Result<void> CheckUnchanged(const OpenedBackup& backup, const FileRights& rights, Result<void> restored) {
  if (!backup.state || (!restored && restored.error().code == ErrorCode::kCancelled)) return restored;
  auto same = backup.state->CheckUnchanged(rights, FdOfState(backup), backup.name);
  if (same) return restored;
  if (!restored) same.error().message += ": " + restored.error().message;
  return same;
}

Result<OpenedBackup> OpenScript(const FileRights& rights, const FoundScript& script) {
  OpenedBackup opened;
  opened.name = script.name;
  opened.is_script = true;
  TRY_ASSIGN(FileOrFolder found,
             OpenBeneath(rights, script.folder_fd, script.path, "script '" + script.name + "'"));
  if (found.is_folder)
    return Fail(ErrorCode::kInvalidArgument, "script '" + script.name + "' is a directory");
  opened.fd = std::move(found.fd);
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
  return RecogniseAs(engine, backup, nullptr);
}

Result<void> RecogniseOrUnpack(const BuildContext& context, const FileRights& rights,
                               const engines::Engine& engine, OpenedBackup& backup,
                               const OpenedBackup* logs) {
  auto recognised = RecogniseAs(engine, backup, logs);
  if (recognised || !backup.fd.Valid() || backup.unpacked) return recognised;
  const auto packing = engines::RecogniseArchive(backup.fd.Get(), backup.name);
  if (!packing || !*packing) return recognised;
  TRY_ASSIGN(backup.unpacked, UnpackedFolder::Make(context, rights, backup.fd.Get(), backup.name, **packing));
  TRY_ASSIGN(backup.unpacked_names, ClientFolder::Make(rights, backup.name, backup.unpacked->Fd()));
  backup.archive_fd = std::move(backup.fd);
  const std::string archive = backup.name;
  recognised = RecogniseAs(engine, backup, logs);
  if (recognised) return {};
  // The folder that it speaks of is nowhere.
  return Fail(recognised.error().code, recognised.error().message + "; it was in an archive of several files",
              "Unpack '" + archive + "', and name the backup that was in it.");
}

}  // namespace spawnd::daemon
