#include "daemon/build/restore.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <utility>

#include "base/descriptors.h"
#include "daemon/images/mask_digest.h"
#include "daemon/init/private_mounts.h"
#include "daemon/store/disk.h"
#include "daemon/tools/backup_mount.h"
#include "daemon/tools/text_in_memory.h"
#include "daemon/tools/tool_log.h"
#include "daemon/tools/tool_runner.h"

namespace spawnd::daemon {
namespace {

/// A bound on a tool that hangs, not on a big database.
constexpr std::chrono::hours kRestoreDeadline{24};

/// Says it to the client and to the log, where it heads what the tools say.
void BeginStage(const BuildContext& context, const Restore& restore, const std::string& title) {
  context.progress.Stage(title);
  ToolLog(restore.log_path, ToolLimits{}.log_bytes).Append("== " + title + "\n");
}

/// What a backup that is packed may come to: it has to fit into the volume.
engines::UnpackLimit LimitOf(uint64_t volume_bytes) {
  return {volume_bytes, "the volume of " + SizeInWords(volume_bytes), "Raise `volumeSize` in spawnd.yaml."};
}

/// `stdout_fd`, `started`: as of ToolRun.
Result<void> RunStep(const BuildContext& context, const Restore& restore, const OpenedBackup& backup,
                     engines::RestoreStep& step, BuildServer& server, int stdout_fd = -1,
                     const std::function<Result<void>()>& started = {}) {
  BeginStage(context, restore, step.title);
  ToolRun run;
  run.step = &step;
  run.backup_fd = backup.fd.Get();
  run.backup_name = backup.name;
  run.unpack_limit = LimitOf(context.host.volume_bytes);
  UniqueFd input;
  if (!step.input_file.empty()) {
    TRY_ASSIGN(input, FolderOf(backup)->Open(step.input_file));
    run.backup_fd = input.Get();
    run.backup_name += "/" + step.input_file;
  }
  if (IsFolder(backup) &&
      (step.reads == engines::ToolReads::kBackup || step.reads == engines::ToolReads::kLogs)) {
    TRY_ASSIGN(run.backup_folder, CloneFolder(FolderFdOf(backup), restore.client, backup.name));
  }
  run.caller = restore.rights.identity;
  run.reads_any_file = restore.rights.overrides_modes;
  run.start = [&server](ProgramOrder order, ProgramDescriptors descriptors) {
    return server.Keeper().StartTool(std::move(order), std::move(descriptors));
  };
  run.started = started;
  run.stdout_fd = stdout_fd;
  run.log_path = restore.log_path;
  run.deadline = std::chrono::steady_clock::now() + kRestoreDeadline;
  run.progress = [&](uint64_t done, uint64_t total) { context.progress.Bytes(step.title, done, total); };
  auto ran = RunTool(run, context.stop);
  ToolLog log(restore.log_path, ToolLimits{}.log_bytes);
  for (const std::string& warning : step.session->Warnings()) {
    log.Append("warning: " + warning + "\n");
    // When a restore fails, the user hears only why. The warnings are in the log.
    if (ran) context.progress.Message(warning);
  }
  if (ran && restore.passed_over != nullptr) *restore.passed_over += step.session->PassedOver();
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

/// Waits for the end of a command in the container and writes its words to the log.
Result<void> Finish(const BuildContext& context, const Restore& restore,
                    const engines::ContainerCommand& command, BuildServer& server) {
  TRY_ASSIGN(const CommandOutcome outcome,
             server.Keeper().FinishCommand(std::chrono::duration_cast<std::chrono::seconds>(kRestoreDeadline),
                                           [&context] { return context.stop.stop_requested(); }));
  ToolLog(restore.log_path, ToolLimits{}.log_bytes).Append(outcome.output);
  if (outcome.exit_code != 0) return Fail(WhyItFailed(command, outcome));
  const std::string warning = command.warn ? command.warn(outcome.output) : std::string();
  if (!warning.empty()) {
    ToolLog(restore.log_path, ToolLimits{}.log_bytes).Append("warning: " + warning + "\n");
    context.progress.Message(warning);
  }
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
  bool sink_begun = false;
  // The source first: the keeper takes no other order until the sink has ended.
  auto poured = RunStep(context, restore, backup, placement.source, server, pipe.write_end.Get(),
                        [&]() -> Result<void> {
                          pipe.write_end.Reset();
                          TRY(server.Keeper().BeginCommand(placement.sink.command, pipe.read_end.Get()));
                          pipe.read_end.Reset();
                          sink_begun = true;
                          return {};
                        });
  if (!sink_begun) return poured;
  auto taken = Finish(context, restore, placement.sink, server);
  // kIo: the source found nobody reading, which is the sink's affair.
  if (!poured && (taken || poured.error().code != ErrorCode::kIo)) return poured;
  return taken;
}

}  // namespace

void LogNotes(const Restore& restore, const std::vector<std::string>& notes) {
  ToolLog log(restore.log_path, ToolLimits{}.log_bytes);
  for (const std::string& note : notes) log.Append("note: " + note + "\n");
}

std::string PassedOverInWords(uint64_t passed_over) {
  if (passed_over == 0) return {};
  return std::to_string(passed_over) + (passed_over == 1 ? " error was" : " errors were") +
         " passed over: " + std::string(kSeeItsLog);
}

engines::RestoreTarget TargetOf(const std::string& database, const BuildServer& server) {
  engines::RestoreTarget target;
  target.database = database;
  target.paths = ContainerPaths();
  target.endpoint = server.Endpoint();
  target.credentials = server.Credentials();
  return target;
}

Result<void> RunPlacements(const BuildContext& context, const Restore& restore, const OpenedBackup& backup,
                           const OpenedBackup* logs, std::vector<engines::Placement>& placements,
                           BuildServer& server) {
  for (engines::Placement& placement : placements) {
    if (placement.replaces_data) TRY(EmptyDataDirectory(context, restore, server));
    const bool of_logs = placement.source.reads == engines::ToolReads::kLogs;
    if (of_logs && logs == nullptr) return Fail(ErrorCode::kInternal, "a placement of logs without logs");
    TRY(Pour(context, restore, of_logs ? *logs : backup, placement, server));
    TRY(RunCommands(context, restore, placement.afterwards, server));
  }
  return {};
}

Result<void> RunCommands(const BuildContext& context, const Restore& restore,
                         const std::vector<engines::ContainerCommand>& commands, BuildServer& server) {
  for (const engines::ContainerCommand& command : commands)
    TRY(RunInContainer(context, restore, command, server));
  return {};
}

Result<void> RunSteps(const BuildContext& context, const Restore& restore, const OpenedBackup& backup,
                      std::vector<engines::RestoreStep>& steps, BuildServer& server) {
  for (engines::RestoreStep& step : steps) TRY(RunStep(context, restore, backup, step, server));
  return {};
}

Result<void> RunMask(const BuildContext& context, const Restore& restore,
                     const std::vector<api::MaskRule>& rules, BuildServer& server) {
  if (rules.empty()) return {};
  BeginStage(context, restore, "masking");
  TRY_ASSIGN(
      const std::vector<int64_t> rows,
      server.Keeper().Mask(MaskOf(rules), std::chrono::duration_cast<std::chrono::seconds>(kRestoreDeadline),
                           [&context] { return context.stop.stop_requested(); }));
  const std::vector<std::string> lines = MaskedInWords(rules, rows);
  LogNotes(restore, lines);
  for (const std::string& line : lines) context.progress.Note(line);
  return {};
}

}  // namespace spawnd::daemon
