#include "engines/connection_text.h"
#include "engines/mysql_family/backup_format.h"
#include "engines/mysql_family/family_engine.h"
#include "engines/mysql_family/physical_backup.h"
#include "engines/mysql_family/restore_session.h"

namespace spawnd::engines::mysql_family {
namespace {

Result<std::string> FindClient(const Product& product, const Installation& installation) {
  for (const std::string& root : {installation.root, std::string("/usr"), std::string("/usr/local")}) {
    std::string client = FindProgram(root, product.client_programs);
    if (!client.empty()) return client;
  }
  return Fail(ErrorCode::kUnsupported,
              "the client program of " + std::string(product.display_name) +
                  ", which restores dumps, is not installed",
              "Install it with `apt install mariadb-client-core`.");
}

Command ClientCommand(const std::string& client, const RestoreRequest& request) {
  Command command;
  // Binary mode: the client's own commands, which start programs and read files, are no commands then, and
  // every byte gets through as it is.
  command.argv = {client,
                  "--no-defaults",
                  "--binary-mode",
                  "--protocol=tcp",
                  "--host=" + request.endpoint.host,
                  "--port=" + std::to_string(request.endpoint.port),
                  "--user=" + request.credentials.user,
                  "--connect-timeout=30",
                  "--max-allowed-packet=1G",
                  "--default-character-set=utf8mb4"};
  command.env = {"LC_ALL=C", "PATH=/usr/bin:/bin", "HOME=/nonexistent",
                 "MYSQL_PWD=" + request.credentials.password};
  command.working_directory = "/";
  return command;
}

std::string BaseName(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

}  // namespace

Result<std::string> FamilyEngine::VersionOfBackup(const RestoreRequest& request) const {
  if (request.folder == nullptr || !IsPhysicalBackup(*request.folder)) return std::string();
  return SeriesOfPhysicalBackup(request);
}

Result<RestorePlan> FamilyEngine::PlanRestore(const Installation& installation,
                                              const RestoreRequest& request) const {
  if (request.folder != nullptr) {
    if (!IsPhysicalBackup(*request.folder)) return Fail(FolderRefused(request));
    return PlanPhysicalBackup(product_, installation, request, false);
  }
  TRY_ASSIGN(const BackupHead head, ReadBackupHead(request.backup_fd, request.backup_name));
  // An empty script is one that does nothing; an empty backup is one that went wrong.
  if (!request.is_script || !head.bytes.empty()) {
    TRY_ASSIGN(const BackupFormat format,
               RecogniseBackup(head.bytes, request.backup_name, product_.display_name));
    if (format == BackupFormat::kStream)
      return PlanPhysicalBackup(product_, installation, request, head.gzip);
  }
  TRY_ASSIGN(const std::string client, FindClient(product_, installation));
  const DumpHeader header = ReadDumpHeader(head.bytes);
  DumpSession::Options options;
  options.filter.name = request.backup_name;
  options.filter.closing_line_expected = header.present;
  options.filter.drop_system_tables =
      header.present && !product_.takes_system_tables(header.server, installation.version);
  options.filter.keep_definers = request.is_script;
  options.filter.replace_collation = product_.replace_collation;
  options.gzip = head.gzip;
  options.credentials = request.credentials;
  const std::string& database = request.database.empty() ? header.database : request.database;
  if (!database.empty()) {
    const std::string name = Quoted(database, '`');
    options.before = "CREATE DATABASE IF NOT EXISTS " + name + "; USE " + name + "; ";
  }
  RestoreStep step;
  step.title = "restoring " + BaseName(request.backup_name);
  step.command = ClientCommand(client, request);
  step.session = std::make_unique<DumpSession>(std::move(options));
  RestorePlan plan;
  plan.steps.push_back(std::move(step));
  return plan;
}

}  // namespace spawnd::engines::mysql_family
