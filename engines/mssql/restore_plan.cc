#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

#include "base/random.h"
#include "engines/mssql/backup_set.h"
#include "engines/mssql/mssql_engine.h"
#include "engines/mssql/places.h"
#include "engines/mssql/tool_session.h"
#include "engines/restore_options.h"
#include "engines/source_session.h"
#include "engines/unpack/backup_head.h"

namespace spawnd::engines::mssql {
namespace {

constexpr size_t kNameLetters = 8;
constexpr std::string_view kNoExtensions = "It has no extensions: leave it out.";

Result<std::string> RunningProgram() {
  std::array<char, PATH_MAX> path{};
  const ssize_t n = ::readlink("/proc/self/exe", path.data(), path.size());
  if (n <= 0) return FailErrno(errno, "cannot find the running program");
  return std::string(path.data(), static_cast<size_t>(n));
}

Result<RestoreStep> ToolStep(const RestoreTarget& target, const std::string& name, std::string title,
                             const Packing& packing, std::vector<std::string> words) {
  TRY_ASSIGN(const std::string running, RunningProgram());
  TRY_ASSIGN(const std::string tool, FindTool(running));
  RestoreStep step;
  step.title = std::move(title);
  step.is_our_program = true;
  step.command.argv = {tool, words.front(), target.endpoint.host, std::to_string(target.endpoint.port)};
  step.command.argv.insert(step.command.argv.end(), words.begin() + 1, words.end());
  // HOME: FreeTDS would take a .freetds.conf of the user's into account.
  step.command.env = {"LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin", "HOME=/nonexistent",
                      std::string(kPasswordVariable) + "=" + target.credentials.password};
  step.command.working_directory = "/";
  step.session = std::make_unique<ToolSession>(name);
  step.packing = packing;
  return step;
}

Result<RestorePlan> PlanNativeBackup(const RestoreTarget& target, const std::string& name,
                                     const Packing& packing) {
  const std::string placed = RandomText(kNameLetters, kLowerLetters) + ".bak";
  RestorePlan plan;
  Placement placement;
  placement.source = PassOnBackup(name, packing);
  placement.sink.title = "placing " + name;
  placement.sink.command = {{"/bin/sh", "-c", R"(mkdir -p "$1" && cat >"$1/$2")", "place",
                             target.paths.data_directory + "/" + kRestoreFolder, placed},
                            {"LC_ALL=C", "PATH=/usr/bin:/bin"},
                            "/"};
  plan.placements.push_back(std::move(placement));
  TRY_ASSIGN(
      RestoreStep step,
      ToolStep(target, name, "restoring " + name, {},
               {"restore", std::string(kDataPlace) + "/" + kRestoreFolder + "/" + placed, target.database}));
  step.reads = ToolReads::kNothing;
  plan.steps.push_back(std::move(step));
  return plan;
}

bool LooksLikeText(std::string_view bytes) {
  return std::none_of(bytes.begin(), bytes.end(), [](unsigned char c) {
    return c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != '\v';
  });
}

class NativeBackup final : public RecognisedBackup {
 public:
  NativeBackup(std::string name, Packing packing) : name_(std::move(name)), packing_(std::move(packing)) {}

  bool IsPlaced() const override { return true; }
  Result<RestorePlan> Plan(const Installation& /*installation*/, const RestoreTarget& target) const override {
    TRY(RefuseOptions(target.options, "SQL Server", {}, kNoExtensions));
    return PlanNativeBackup(target, name_, packing_);
  }

 private:
  const std::string name_;
  const Packing packing_;
};

class Script final : public RecognisedBackup {
 public:
  Script(std::string name, Packing packing) : name_(std::move(name)), packing_(std::move(packing)) {}

  Result<RestorePlan> Plan(const Installation& /*installation*/, const RestoreTarget& target) const override {
    TRY(RefuseOptions(target.options, "SQL Server", {}, kNoExtensions));
    TRY_ASSIGN(RestoreStep step,
               ToolStep(target, name_, "running " + name_, packing_, {"script", target.database}));
    RestorePlan plan;
    plan.steps.push_back(std::move(step));
    return plan;
  }

 private:
  const std::string name_;
  const Packing packing_;
};

}  // namespace

/// A native backup (.bak) is placed in the data directory, because the server itself reads it, and restored
/// by spawnd-tsql; T-SQL goes to spawnd-tsql. What they are packed in is unpacked on the way.
Result<std::unique_ptr<RecognisedBackup>> MssqlEngine::Recognise(const RestoreRequest& request) const {
  if (request.folder != nullptr) {
    return Fail(ErrorCode::kInvalidArgument, "'" + request.backup_name + "' is a folder",
                "A backup of SQL Server is a file: BACKUP DATABASE ... TO DISK.");
  }
  TRY_ASSIGN(const BackupHead head,
             ReadBackupHead(request.backup_fd, request.backup_name, TarFile::kIsPacking));
  if (!request.is_script && IsNativeBackup(head.bytes)) {
    return std::make_unique<NativeBackup>(request.backup_name, head.packing);
  }
  if (head.bytes.substr(0, 2) == "\xFF\xFE" || head.bytes.substr(0, 2) == "\xFE\xFF") {
    return Fail(ErrorCode::kInvalidArgument, "'" + request.backup_name + "' is a script in UTF-16",
                "Save it as UTF-8.");
  }
  if (!LooksLikeText(head.bytes)) {
    return Fail(ErrorCode::kInvalidArgument, "'" + request.backup_name + "' is no backup of SQL Server",
                "A backup is what BACKUP DATABASE writes (.bak), or a script of T-SQL.");
  }
  return std::make_unique<Script>(request.backup_name, head.packing);
}

}  // namespace spawnd::engines::mssql
