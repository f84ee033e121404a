#include "engines/connection_text.h"
#include "engines/mysql_family/backup_format.h"
#include "engines/mysql_family/family_engine.h"
#include "engines/mysql_family/physical_backup.h"
#include "engines/mysql_family/restore_session.h"
#include "engines/unpack/unpacked_file.h"

namespace spawnd::engines::mysql_family {
namespace {

/// Where tools find it.
Result<std::string> FindClient(const Product& product, const Installation& installation, const Paths& paths) {
  for (const std::string& root : {installation.root, std::string("/usr"), std::string("/usr/local")}) {
    const std::string client = FindProgram(root, product.client_programs);
    if (!client.empty()) return ProgramForTools(client, installation, paths.engine_root);
  }
  return Fail(ErrorCode::kUnsupported,
              "the client program of " + std::string(product.display_name) +
                  ", which restores dumps, is not installed",
              "Install it with `apt install mariadb-client-core`.");
}

/// $0: the client. In its sandbox, where it has one, it takes no commands that start programs or touch files,
/// however it reads the text. Asked for here and not on the host, where it need not be trusted.
constexpr const char* kClientScript = R"sh(
if "$0" --no-defaults --help 2>/dev/null | grep -q -e '^ *--sandbox'; then set -- --sandbox "$@"; fi
exec "$0" --no-defaults "$@"
)sh";

Command ClientCommand(const std::string& client, const RestoreTarget& target) {
  Command command;
  // Binary mode: the client's own commands are no commands then, and every byte gets through as it is. No
  // local files: they are what LOAD DATA LOCAL sends at the server's word.
  command.argv = {"/bin/sh",
                  "-c",
                  kClientScript,
                  client,
                  "--binary-mode",
                  "--local-infile=0",
                  "--protocol=tcp",
                  "--host=" + target.endpoint.host,
                  "--port=" + std::to_string(target.endpoint.port),
                  "--user=" + target.credentials.user,
                  "--connect-timeout=30",
                  "--max-allowed-packet=1G",
                  "--default-character-set=utf8mb4"};
  command.env = {"LC_ALL=C", "PATH=/usr/bin:/bin", "HOME=/nonexistent",
                 "MYSQL_PWD=" + target.credentials.password};
  command.working_directory = "/";
  return command;
}

std::string BaseName(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

class SqlText final : public RecognisedBackup {
 public:
  SqlText(const Product& product, const RestoreRequest& request, const BackupHead& head)
      : product_(product),
        name_(request.backup_name),
        is_script_(request.is_script),
        packing_(head.packing),
        header_(ReadDumpHeader(head.bytes)) {}

  Result<RestorePlan> Plan(const Installation& installation, const RestoreTarget& target) const override {
    TRY_ASSIGN(const std::string client, FindClient(product_, installation, target.paths));
    DumpSession::Options options;
    options.filter.name = name_;
    options.filter.closing_line_expected = header_.present;
    options.filter.drop_system_tables =
        header_.present && !product_.takes_system_tables(header_.server, installation.version);
    options.filter.keep_definers = is_script_;
    options.filter.replace_collation = product_.replace_collation;
    options.credentials = target.credentials;
    const std::string& database = target.database.empty() ? header_.database : target.database;
    if (!database.empty()) {
      const std::string name = Quoted(database, '`');
      options.before = "CREATE DATABASE IF NOT EXISTS " + name + "; USE " + name + "; ";
    }
    RestoreStep step;
    step.title = "restoring " + BaseName(name_);
    step.command = ClientCommand(client, target);
    step.session = std::make_unique<DumpSession>(std::move(options));
    step.packing = packing_;
    RestorePlan plan;
    plan.steps.push_back(std::move(step));
    return plan;
  }

 private:
  const Product& product_;
  const std::string name_;
  const bool is_script_;
  const Packing packing_;
  const DumpHeader header_;
};

}  // namespace

Result<std::unique_ptr<RecognisedBackup>> FamilyEngine::Recognise(const RestoreRequest& request) const {
  if (request.folder != nullptr) {
    if (!IsPhysicalBackup(*request.folder)) return Fail(FolderRefused(request));
    return MakePhysicalBackup(product_, request, {});
  }
  TRY_ASSIGN(const BackupHead head, ReadBackupHead(request.backup_fd, request.backup_name));
  // An empty script is one that does nothing; an empty backup is one that went wrong.
  if (!request.is_script || !head.bytes.empty()) {
    TRY_ASSIGN(const BackupFormat format,
               RecogniseBackup(head.bytes, request.backup_name, product_.display_name));
    if (format == BackupFormat::kStream) return MakePhysicalBackup(product_, request, head.packing);
  }
  return std::make_unique<SqlText>(product_, request, head);
}

}  // namespace spawnd::engines::mysql_family
