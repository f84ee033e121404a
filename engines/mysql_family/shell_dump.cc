#include "engines/mysql_family/shell_dump.h"

#include <string>
#include <utility>

#include "base/text.h"
#include "engines/restore_options.h"

namespace spawnd::engines::mysql_family {
namespace {

/// $0: the program, $1: host, $2: port, $3: user, $4: the folder. It loads rows as LOAD DATA LOCAL, which a
/// build's server takes for as long as this runs. Accounts are the source's, and would need its plugins;
/// nothing is written into the folder, which cannot be written to.
constexpr const char* kLoadScript = R"sh(
printf '%s\n' "$SPAWND_PASSWORD" | env -u SPAWND_PASSWORD "$0" --mysql --host="$1" --port="$2" --user="$3" \
  --passwords-from-stdin --save-passwords=never --no-wizard --js --execute="
    session.runSql('SET GLOBAL local_infile = 1');
    try {
      util.loadDump('$4', {progressFile: '', threads: 4, ignoreVersion: true, loadUsers: false, showProgress: false});
    } finally {
      session.runSql('SET GLOBAL local_infile = 0');
    }"
)sh";

/// Keeps the tool's first error.
class ShellSession final : public RestoreSession {
 public:
  explicit ShellSession(std::string name) : name_(std::move(name)) {}

  Result<std::string> FilterInput(std::string_view bytes, bool /*last*/) override {
    return std::string(bytes);
  }
  Result<void> OnToolMessage(std::string_view line) override {
    if (why_.empty() &&
        (line.find("ERROR") != std::string_view::npos || line.find("Error") != std::string_view::npos))
      why_ = line;
    last_ = line;
    return {};
  }
  Result<void> OnToolExit(int exit_code) override {
    if (exit_code == 0) return {};
    const std::string& words = why_.empty() ? last_ : why_;
    return Fail(ErrorCode::kInvalidArgument,
                "'" + name_ + "' cannot be loaded: " +
                    (words.empty() ? "mysqlsh ended with exit code " + std::to_string(exit_code) : words));
  }
  std::vector<std::string> Warnings() const override { return {}; }

 private:
  const std::string name_;
  std::string why_;
  std::string last_;
};

class ShellDump final : public RecognisedBackup {
 public:
  ShellDump(const Product& product, std::string name) : product_(product), name_(std::move(name)) {}

  Result<RestorePlan> Plan(const Installation& installation, const RestoreTarget& target) const override {
    const std::string is = "'" + name_ + "' is a folder of MySQL Shell (util.dumpInstance)";
    if (product_.name != "mysql") {
      return Fail(ErrorCode::kUnsupported, is + ", which loads it into MySQL alone",
                  "Say `engine: mysql`; or dump it as SQL, with mysqldump.");
    }
    if (target.options.continue_on_error || !target.options.ignored_errors.empty()) {
      return Fail(ErrorCode::kUnsupported, "'onError' means nothing to a folder of MySQL Shell",
                  "Leave it out.");
    }
    TRY(RefuseOptions(target.options, "a folder of MySQL Shell", {}));
    std::string program;
    for (const std::string& root : {installation.root, std::string("/usr"), std::string("/usr/local")}) {
      const std::string found = FindProgram(root, {"bin/mysqlsh"});
      if (program.empty() && !found.empty()) {
        program = ProgramForTools(found, installation, target.paths.engine_root);
      }
    }
    if (program.empty()) {
      return Fail(ErrorCode::kUnsupported, is + ", and mysqlsh, which loads it, is not installed",
                  "Install MySQL Shell of dev.mysql.com below /usr; or load it into a container of an empty "
                  "image, and make "
                  "an image of that with `spawnctl graduate data-container`.");
    }
    RestoreStep step;
    step.title = "loading " + BaseName(name_);
    step.command.argv = {"/bin/sh",
                         "-c",
                         kLoadScript,
                         program,
                         target.endpoint.host,
                         std::to_string(target.endpoint.port),
                         target.credentials.user,
                         kBackupFolder};
    step.command.env = {"LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin", "HOME=/tmp",
                        "MYSQLSH_USER_CONFIG_HOME=/tmp/mysqlsh",
                        "SPAWND_PASSWORD=" + target.credentials.password};
    step.command.working_directory = "/tmp";
    step.reads = ToolReads::kBackup;
    step.session = std::make_unique<ShellSession>(name_);
    RestorePlan plan;
    plan.steps.push_back(std::move(step));
    return plan;
  }

 private:
  const Product& product_;
  const std::string name_;
};

}  // namespace

bool IsShellDump(const BackupFolder& folder) {
  return folder.Has("@.json");
}

Result<std::unique_ptr<RecognisedBackup>> MakeShellDump(const Product& product,
                                                        const RestoreRequest& request) {
  if (!request.folder->Has("@.done.json")) {
    return Fail(
        ErrorCode::kInvalidArgument,
        "'" + request.backup_name + "' is a folder that MySQL Shell did not finish: it has no @.done.json",
        "Make the dump again.");
  }
  return std::make_unique<ShellDump>(product, request.backup_name);
}

}  // namespace spawnd::engines::mysql_family
