#include "daemon/image_builder_restore.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <utility>

#include "base/file.h"
#include "daemon/caller.h"
#include "daemon/tool_runner.h"

namespace spawnd::daemon {
namespace {

/// A bound on a tool that hangs, not on a big database.
constexpr std::chrono::hours kRestoreDeadline{24};

Result<std::vector<engines::RestoreStep>> Plan(const Restore& restore, const OpenedBackup& backup,
                                               const std::string& database, const engines::Endpoint& endpoint,
                                               const engines::Credentials& credentials) {
  // Looking at a backup moves its offset; every plan starts from the beginning.
  if (::lseek(backup.fd.Get(), 0, SEEK_SET) != 0) {
    return FailErrno(errno, "cannot rewind '" + backup.name + "'");
  }
  engines::RestoreRequest request;
  request.backup_name = backup.name;
  request.backup_fd = backup.fd.Get();
  request.database = database;
  request.endpoint = endpoint;
  request.credentials = credentials;
  return restore.engine.PlanRestore(restore.installation, request);
}

Result<void> RunStep(const BuildContext& context, const Restore& restore, const OpenedBackup& backup,
                     engines::RestoreStep& step) {
  context.progress.Stage(step.title);
  if (::lseek(backup.fd.Get(), 0, SEEK_SET) != 0) {
    return FailErrno(errno, "cannot rewind '" + backup.name + "'");
  }
  ToolRun run;
  run.step = &step;
  run.backup_fd = backup.fd.Get();
  run.caller = restore.caller;
  run.log_path = restore.log_path;
  run.deadline = std::chrono::steady_clock::now() + kRestoreDeadline;
  run.progress = [&](uint64_t done, uint64_t total) { context.progress.Bytes(step.title, done, total); };
  auto ran = RunTool(run, context.stop);
  if (step.session != nullptr) {
    std::ofstream log(restore.log_path, std::ios::app);
    for (const std::string& warning : step.session->Warnings()) {
      log << "warning: " << warning << "\n";
      // Of a restore that failed the user hears one thing: why.
      if (ran) context.progress.Message(warning);
    }
  }
  return ran;
}

}  // namespace

Result<std::vector<OpenedBackup>> OpenBackups(const api::CreateDataImageRequest& request,
                                              const Identity& caller) {
  std::vector<OpenedBackup> opened;
  for (const std::string& path : request.backups) {
    TRY_ASSIGN(UniqueFd fd, OpenAsCaller(caller, path, "backup"));
    opened.push_back({path.substr(path.rfind('/') + 1), std::move(fd)});
  }
  return opened;
}

Result<OpenedBackup> ScriptAsBackup(std::string_view name, std::string_view text) {
  OpenedBackup backup{std::string(name), UniqueFd(::memfd_create("script", MFD_CLOEXEC))};
  if (!backup.fd.Valid()) return FailErrno(errno, "cannot hold '" + backup.name + "' in memory");
  while (!text.empty()) {
    const ssize_t written = ::write(backup.fd.Get(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return FailErrno(errno, "cannot hold '" + backup.name + "' in memory");
    text.remove_prefix(static_cast<size_t>(written));
  }
  return backup;
}

Result<void> CheckBackup(const Restore& restore, const OpenedBackup& backup, const std::string& database) {
  return Plan(restore, backup, database, {}, {}).map([](const auto&) {});
}

Result<void> RunRestore(const BuildContext& context, const Restore& restore, const OpenedBackup& backup,
                        const std::string& database, const BuildServer& server) {
  TRY_ASSIGN(auto steps, Plan(restore, backup, database, server.Endpoint(), server.Credentials()));
  for (engines::RestoreStep& step : steps) TRY(RunStep(context, restore, backup, step));
  return {};
}

}  // namespace spawnd::daemon
