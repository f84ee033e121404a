#include "daemon/build/restore.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/descriptors.h"
#include "base/file.h"
#include "daemon/access/caller.h"
#include "daemon/build/tool_log.h"
#include "daemon/build/tool_runner.h"
#include "daemon/keeper/private_mounts.h"

namespace spawnd::daemon {
namespace {

/// A bound on a tool that hangs, not on a big database.
constexpr std::chrono::hours kRestoreDeadline{24};

Result<UniqueFd> TextInMemory(const std::string& name, std::string_view text) {
  UniqueFd fd(::memfd_create("text", MFD_CLOEXEC));
  if (!fd.Valid()) return FailErrno(errno, "cannot hold '" + name + "' in memory");
  while (!text.empty()) {
    const ssize_t written = ::write(fd.Get(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return FailErrno(errno, "cannot hold '" + name + "' in memory");
    text.remove_prefix(static_cast<size_t>(written));
  }
  return fd;
}

/// Of the folder itself. A dump in directory format has a file for each table.
constexpr size_t kMaxFolderEntries = 200'000;

/// Looking at a backup moves its offset; every plan and every step starts from the beginning.
Result<void> Rewind(const OpenedBackup& backup) {
  if (backup.folder != nullptr || ::lseek(backup.fd.Get(), 0, SEEK_SET) == 0) return {};
  return FailErrno(errno, "cannot rewind '" + backup.name + "'");
}

engines::RestoreRequest RequestFor(const OpenedBackup& backup) {
  engines::RestoreRequest request;
  request.backup_name = backup.name;
  request.backup_path = backup.path;
  request.backup_fd = backup.fd.Get();
  request.folder = backup.folder.get();
  request.is_script = backup.is_script;
  request.paths = ContainerPaths();
  return request;
}

Result<engines::RestorePlan> Plan(const Restore& restore, const OpenedBackup& backup,
                                  const std::string& database, const engines::Endpoint& endpoint,
                                  const engines::Credentials& credentials) {
  TRY(Rewind(backup));
  engines::RestoreRequest request = RequestFor(backup);
  request.database = database;
  request.endpoint = endpoint;
  request.credentials = credentials;
  return restore.engine.PlanRestore(restore.installation, request);
}

/// Says it to the client and to the log, where it heads what the tools say.
void BeginStage(const BuildContext& context, const Restore& restore, const std::string& title) {
  context.progress.Stage(title);
  ToolLog(restore.log_path, ToolLimits{}.log_bytes).Append("== " + title + "\n");
}

Result<void> RunStep(const BuildContext& context, const Restore& restore, const OpenedBackup& backup,
                     engines::RestoreStep& step, int stdout_fd = -1) {
  BeginStage(context, restore, step.title);
  TRY(Rewind(backup));
  ToolRun run;
  run.step = &step;
  run.backup_fd = backup.fd.Get();
  run.caller = restore.caller;
  run.stdout_fd = stdout_fd;
  run.log_path = restore.log_path;
  run.deadline = std::chrono::steady_clock::now() + kRestoreDeadline;
  run.progress = [&](uint64_t done, uint64_t total) { context.progress.Bytes(step.title, done, total); };
  auto ran = RunTool(run, context.stop);
  ToolLog log(restore.log_path, ToolLimits{}.log_bytes);
  for (const std::string& warning : step.session->Warnings()) {
    log.Append("warning: " + warning + "\n");
    // Of a restore that failed the user hears one thing: why.
    if (ran) context.progress.Message(warning);
  }
  return ran;
}

Error WhyItFailed(const engines::ContainerCommand& command, const CommandOutcome& outcome) {
  if (command.explain) return command.explain(outcome.output);
  std::string_view output = outcome.output;
  while (!output.empty() && output.back() == '\n') output.remove_suffix(1);
  const std::string_view last = output.substr(output.rfind('\n') + 1);
  return {ErrorCode::kInvalidArgument,
          command.title + ": " +
              (last.empty() ? "exit code " + std::to_string(outcome.exit_code) : std::string(last))};
}

/// What became of a command in the container; its words go to the log.
Result<void> Finish(const BuildContext& context, const Restore& restore,
                    const engines::ContainerCommand& command, BuildServer& server) {
  TRY_ASSIGN(const CommandOutcome outcome,
             server.Keeper().FinishCommand(std::chrono::duration_cast<std::chrono::seconds>(kRestoreDeadline),
                                           [&context] { return context.stop.stop_requested(); }));
  ToolLog(restore.log_path, ToolLimits{}.log_bytes).Append(outcome.output);
  if (outcome.exit_code != 0) return Fail(WhyItFailed(command, outcome));
  return {};
}

Result<void> RunInContainer(const BuildContext& context, const Restore& restore,
                            const engines::ContainerCommand& command, BuildServer& server) {
  BeginStage(context, restore, command.title);
  if (command.input.size() > engines::kMaxCommandInput) {
    return Fail(ErrorCode::kInternal, command.title + ": the input is too long");
  }
  {
    TRY_ASSIGN(const UniqueFd input, TextInMemory(command.title, command.input));
    if (::lseek(input.Get(), 0, SEEK_SET) != 0) return FailErrno(errno, "cannot rewind a text in memory");
    TRY(server.Keeper().BeginCommand(command.command, input.Get()));
  }
  return Finish(context, restore, command, server);
}

Result<void> EmptyDataDirectory(const BuildContext& context, const Restore& restore, BuildServer& server) {
  engines::ContainerCommand command;
  command.title = "emptying the data directory";
  command.command = {{"/usr/bin/find", ContainerPaths().data_directory, "-mindepth", "1", "-delete"},
                     {"LC_ALL=C", "PATH=/usr/bin:/bin"},
                     "/"};
  return RunInContainer(context, restore, command, server);
}

/// Source and sink side by side; of two errors, the one that is the cause of the other.
Result<void> Pour(const BuildContext& context, const Restore& restore, const OpenedBackup& backup,
                  engines::Placement& placement, BuildServer& server) {
  TRY_ASSIGN(Pipe pipe, MakePipe());
  TRY(server.Keeper().BeginCommand(placement.sink.command, pipe.read_end.Get()));
  pipe.read_end.Reset();
  auto poured = RunStep(context, restore, backup, placement.source, pipe.write_end.Get());
  pipe.write_end.Reset();
  auto taken = Finish(context, restore, placement.sink, server);
  // kIo: the source found nobody reading, which is the sink's affair.
  if (!poured && (taken || poured.error().code != ErrorCode::kIo)) return poured;
  return taken;
}

}  // namespace

Result<std::unique_ptr<CallersFolder>> CallersFolder::Make(const Identity& caller, const std::string& path,
                                                           int folder_fd) {
  std::unique_ptr<CallersFolder> folder(new CallersFolder(caller, path));
  TRY_ASSIGN(folder->names_, NamesInFolder(folder_fd, "backup '" + path + "'", kMaxFolderEntries));
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
    backup.path = path;
    if (found.is_folder) {
      TRY_ASSIGN(backup.folder, CallersFolder::Make(caller, path, found.fd.Get()));
    } else {
      backup.fd = std::move(found.fd);
    }
  }
  return opened;
}

Result<OpenedBackup> OpenScript(const Identity& caller, const FoundScript& script) {
  OpenedBackup opened;
  opened.name = script.name;
  opened.path = script.path;
  opened.is_script = true;
  TRY_ASSIGN(opened.fd, OpenAsCaller(caller, script.path, "script"));
  return opened;
}

void LogNotes(const Restore& restore, const std::vector<std::string>& notes) {
  ToolLog log(restore.log_path, ToolLimits{}.log_bytes);
  for (const std::string& note : notes) log.Append("note: " + note + "\n");
}

Result<OpenedBackup> ScriptAsBackup(std::string_view name, std::string_view text) {
  OpenedBackup backup;
  backup.name = name;
  backup.is_script = true;
  TRY_ASSIGN(backup.fd, TextInMemory(backup.name, text));
  return backup;
}

Result<std::string> VersionOfBackup(const engines::Engine& engine, const OpenedBackup& backup) {
  TRY(Rewind(backup));
  return engine.VersionOfBackup(RequestFor(backup));
}

Result<bool> HasPlacements(const Restore& restore, const OpenedBackup& backup, const std::string& database) {
  return Plan(restore, backup, database, {}, {}).map([](const engines::RestorePlan& plan) {
    return !plan.placements.empty();
  });
}

Result<void> RunPlacements(const BuildContext& context, const Restore& restore, const OpenedBackup& backup,
                           const std::string& database, BuildServer& server) {
  TRY_ASSIGN(auto plan, Plan(restore, backup, database, server.Endpoint(), server.Credentials()));
  for (engines::Placement& placement : plan.placements) {
    if (placement.replaces_data) TRY(EmptyDataDirectory(context, restore, server));
    TRY(Pour(context, restore, backup, placement, server));
    for (const engines::ContainerCommand& command : placement.afterwards) {
      TRY(RunInContainer(context, restore, command, server));
    }
  }
  return {};
}

Result<void> RunRestore(const BuildContext& context, const Restore& restore, const OpenedBackup& backup,
                        const std::string& database, const BuildServer& server) {
  TRY_ASSIGN(auto plan, Plan(restore, backup, database, server.Endpoint(), server.Credentials()));
  for (engines::RestoreStep& step : plan.steps) TRY(RunStep(context, restore, backup, step));
  return {};
}

}  // namespace spawnd::daemon
