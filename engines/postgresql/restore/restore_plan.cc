#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>

#include "base/text.h"
#include "engines/postgresql/accounts.h"
#include "engines/postgresql/create_database.h"
#include "engines/postgresql/detect.h"
#include "engines/postgresql/dump/settling.h"
#include "engines/postgresql/dump/statement_session.h"
#include "engines/postgresql/parts/parts.h"
#include "engines/postgresql/physical/repositories.h"
#include "engines/postgresql/postgresql_engine.h"
#include "engines/postgresql/restore/archive_header.h"
#include "engines/postgresql/restore/backup_format.h"
#include "engines/postgresql/restore/base_backup.h"
#include "engines/postgresql/restore/client_tools.h"
#include "engines/postgresql/restore/pg_restore_session.h"
#include "engines/postgresql/restore/psql_session.h"
#include "engines/unpack/backup_head.h"
#include "engines/unpack/tar_header.h"

namespace spawnd::engines::postgresql {
namespace {

/// The table of contents of a dump in directory format.
constexpr const char* kContents = "toc.dat";
/// A smaller dump is restored by one connection before several could be made.
constexpr off_t kParallelBytes = off_t{32} << 20;
constexpr unsigned kMaxParallelJobs = 8;

/// Reads the head of a file, or of the table of contents of a dump in directory format. Empty for any other
/// folder.
Result<BackupHead> ReadHead(const RestoreRequest& request) {
  if (request.folder == nullptr) return ReadBackupHead(request.backup_fd, request.backup_name);
  if (!request.folder->Has(kContents)) return BackupHead();
  TRY_ASSIGN(const UniqueFd contents, request.folder->Open(kContents));
  return ReadBackupHead(contents.Get(), request.backup_name);
}

/// A connection string of libpq; -d takes a bare name with `=` in it for one, so it always gets one.
std::string ConnectTo(const std::string& database) {
  std::string text = "dbname='";
  for (const char c : database) {
    if (c == '\'' || c == '\\') text += '\\';
    text += c;
  }
  return text + "'";
}

/// libpq's variables. English messages whatever the host's language; no flush for each commit, because
/// nothing of a build counts before it is sealed, which syncs it; no files of the caller's home. What a
/// backup says of sessions in its databases, or of its roles, must not end the restore half-way.
std::vector<std::string> ClientEnvironment(const RestoreTarget& target, int server_major) {
  std::string options =
      "-c client_min_messages=warning -c lc_messages=C -c synchronous_commit=off -c role=none "
      "-c default_transaction_read_only=off -c statement_timeout=0 -c lock_timeout=0 "
      "-c idle_in_transaction_session_timeout=0";
  if (server_major >= 14) options += " -c idle_session_timeout=0";
  if (server_major >= 17) options += " -c transaction_timeout=0";
  return {"LC_ALL=C",
          "PATH=/usr/bin:/bin",
          "PGHOST=" + target.endpoint.host,
          "PGPORT=" + std::to_string(target.endpoint.port),
          "PGUSER=" + target.credentials.user,
          "PGPASSWORD=" + target.credentials.password,
          "PGSSLMODE=disable",
          "PGGSSENCMODE=disable",
          "PGPASSFILE=/dev/null/none",
          "PGCLIENTENCODING=UTF8",
          "PGCONNECT_TIMEOUT=30",
          "PGAPPNAME=spawnd restore",
          "PGOPTIONS=" + options};
}

ErrorManners MannersFor(const RestoreTarget& target, const Installation& installation) {
  ErrorManners manners;
  manners.continue_on_error = target.options.continue_on_error;
  manners.ignored_errors = target.options.ignored_errors;
  manners.server_version = installation.version;
  manners.installed = target.installed;
  return manners;
}

StatementRules RulesFor(const RestoreTarget& target, const Installation& installation) {
  StatementRules rules;
  rules.wishes = {target.options.locale, target.options.encoding, MajorNumberOf(installation.version)};
  rules.own_roles = {kSuperuser, std::string(kPlaceholder), target.credentials.user};
  rules.goes_on = target.options.continue_on_error || !target.options.ignored_errors.empty();
  return rules;
}

/// psql without a text yet, into `database`.
Command PsqlCommand(const RestoreTarget& target, const Installation& installation, const ClientTool& psql,
                    const std::string& database) {
  Command command;
  // --echo-errors: which of the statements of a line it was.
  command.argv = {psql.path, "-X", "-w", "-q", "-b", "-v", "ON_ERROR_STOP=0", "-d", ConnectTo(database)};
  command.env = ClientEnvironment(target, MajorNumberOf(installation.version));
  command.working_directory = "/";
  return command;
}

/// One statement of ours, which reads nothing of the backup.
RestoreStep StatementStep(const RestoreRequest& request, const RestoreTarget& target,
                          const Installation& installation, const ClientTool& psql, const std::string& title,
                          const std::string& sql, const std::vector<std::string>& warnings = {}) {
  RestoreStep step;
  step.title = title + BaseName(request.backup_name);
  step.command = PsqlCommand(target, installation, psql, "template1");
  step.command.argv.insert(step.command.argv.end(), {"-c", sql});
  step.reads = ToolReads::kNothing;
  step.session = std::make_unique<StatementSession>(request.backup_name, warnings);
  return step;
}

/// What a backup of any form did to what is not its own.
RestoreStep SettlingStep(const RestoreRequest& request, const RestoreTarget& target,
                         const Installation& installation, const ClientTool& psql) {
  return StatementStep(request, target, installation, psql, "looking at what came with ",
                       SettlingStatement(target.credentials.user, MajorNumberOf(installation.version)));
}

/// Makes initialDatabaseName as `create`, the backup's own statement, says: encoding and locales. None when
/// nothing asks for it.
std::vector<RestoreStep> InitialDatabase(const RestoreRequest& request, const RestoreTarget& target,
                                         const Installation& installation, const ClientTool& psql,
                                         const std::string& create) {
  if (target.database.empty() || target.database == "postgres") return {};
  RewrittenStatement made =
      CreateDatabaseLike(create, target.database, RulesFor(target, installation).wishes);
  if (made.sql.empty()) return {};
  std::vector<RestoreStep> steps;
  steps.push_back(StatementStep(request, target, installation, psql, "making the database for ", made.sql,
                                made.warnings));
  return steps;
}

RestoreStep PsqlStep(const RestoreRequest& request, const RestoreTarget& target,
                     const Installation& installation, const ClientTool& psql, const Packing& packing) {
  RestoreStep step;
  step.title = (request.is_script ? "running " : "restoring ") +
               (request.is_script ? request.backup_name : BaseName(request.backup_name));
  step.command =
      PsqlCommand(target, installation, psql, target.database.empty() ? "postgres" : target.database);
  step.command.argv.insert(step.command.argv.end(), {"-v", "VERBOSITY=verbose", "-f", "-"});
  // What is passed over outside a transaction of the backup's own is passed over inside one, too.
  if (!request.is_script)
    step.command.argv.insert(step.command.argv.begin() + 1, {"-v", "ON_ERROR_ROLLBACK=on"});
  step.session = std::make_unique<PsqlSession>(request.backup_name, target.database, target.credentials.user,
                                               request.is_script, RulesFor(target, installation),
                                               MannersFor(target, installation));
  step.packing = packing;
  return step;
}

Result<void> CheckArchiveVersion(const RestoreRequest& request, const ClientTool& tool,
                                 const ArchiveHeader& header) {
  const int newest = NewestArchiveMinor(MajorNumberOf(tool.version));
  if (header.major == 1 && header.minor <= newest) return {};
  const std::string format = std::to_string(header.major) + "." + std::to_string(header.minor);
  const std::string maker =
      header.dump_version.empty() ? "a newer pg_dump" : "pg_dump " + header.dump_version;
  return Fail(ErrorCode::kUnsupported,
              "'" + request.backup_name + "' was made by " + maker + " (archive format " + format +
                  "), but pg_restore " + tool.version + " at '" + tool.path + "' reads up to 1." +
                  std::to_string(newest),
              "Install a newer one, e.g. `apt install postgresql-client-" +
                  std::to_string(header.minor >= 16 ? 17 : 16) +
                  "` from apt.postgresql.org, or make the backup as plain SQL.");
}

/// How many connections pg_restore may use; 1 where it has to be fed or is done too soon to gain from more.
/// It jumps about in the file then, which has to be one that it can open itself, as the caller.
unsigned ParallelJobs(const RestoreRequest& request, const BackupHead& head) {
  if (head.packing.IsPacked()) return 1;
  if (request.folder == nullptr) {
    struct stat st {};
    if (!request.reopens || !IsArchive(head.bytes) || ::fstat(request.backup_fd, &st) != 0 ||
        st.st_size < kParallelBytes) {
      return 1;
    }
  }
  return std::clamp(std::thread::hardware_concurrency(), 1U, kMaxParallelJobs);
}

/// `made`: a database that has been made for it, for whatever the archive says of that database to go to.
RestoreStep PgRestoreStep(const RestoreRequest& request, const RestoreTarget& target,
                          const Installation& installation, const ClientTool& tool, const BackupHead& head,
                          const std::string& made, const std::string& dumped_from) {
  const std::string& database = target.database;
  RestoreStep step;
  step.title = "restoring " + BaseName(request.backup_name);
  // Tablespaces are folders of another machine.
  step.command.argv = {tool.path, "-w", "--no-tablespaces"};
  if (database.empty()) step.command.argv.push_back("--create");
  step.command.argv.push_back("-d");
  step.command.argv.push_back(ConnectTo(database.empty() ? "postgres" : database));
  const unsigned jobs = ParallelJobs(request, head);
  if (jobs > 1 || request.folder != nullptr) {
    step.command.argv.push_back("--jobs=" + std::to_string(jobs));
    step.command.argv.push_back(request.folder != nullptr ? kBackupFolder : kBackupFile);
    step.reads = ToolReads::kBackup;
  }
  step.command.env = ClientEnvironment(target, MajorNumberOf(installation.version));
  step.command.working_directory = "/";
  ErrorManners manners = MannersFor(target, installation);
  manners.dumped_from = dumped_from.substr(0, dumped_from.find(' '));
  manners.made_database = !made.empty();
  if (made.empty()) manners.remark = UselessWishes(RulesFor(target, installation).wishes, database);
  step.session = std::make_unique<PgRestoreSession>(request.backup_name, !IsArchive(head.bytes), database,
                                                    target.credentials.user, manners);
  step.packing = head.packing;
  return step;
}

Result<RestorePlan> PlanArchive(const RestoreRequest& request, const RestoreTarget& target,
                                const Installation& installation, const BackupHead& head) {
  TRY_ASSIGN(const ClientTool tool, FindClientTool("pg_restore", installation, target.paths.engine_root));
  TRY_ASSIGN(const ClientTool psql, FindClientTool("psql", installation, target.paths.engine_root));
  // A tar file's first member, toc.dat, begins after its header block.
  const std::string_view bytes = head.bytes;
  const auto header =
      ReadArchiveHeader(IsArchive(bytes) ? bytes : bytes.substr(std::min(bytes.size(), kTarBlock)));
  if (header) TRY(CheckArchiveVersion(request, tool, *header));
  RestorePlan plan;
  const std::string create = FindCreateDatabase(bytes);
  plan.database = InitialDatabase(request, target, installation, psql, create);
  std::string made;
  if (target.database.empty() && !create.empty()) {
    RewrittenStatement rewritten = RewriteCreateDatabase(create, RulesFor(target, installation).wishes);
    if (rewritten.sql != create) {
      // pg_restore finds it there, and goes on with what else the archive says of it. Its owner comes later.
      plan.steps.push_back(StatementStep(request, target, installation, psql, "making the database of ",
                                         rewritten.sql, rewritten.warnings));
      made = rewritten.database;
    }
  }
  plan.steps.push_back(
      PgRestoreStep(request, target, installation, tool, head, made, header ? header->server_version : ""));
  plan.steps.push_back(SettlingStep(request, target, installation, psql));
  return plan;
}

Error OnlyContents(const RestoreRequest& request) {
  return {ErrorCode::kInvalidArgument,
          "'" + request.backup_name + "' is only the table of contents of a backup in directory format",
          "Name the folder that it is in."};
}

class PlainSql final : public RecognisedBackup {
 public:
  PlainSql(RestoreRequest request, BackupHead head)
      : request_(std::move(request)), packing_(std::move(head.packing)), head_(std::move(head.bytes)) {}

  Result<RestorePlan> Plan(const Installation& installation, const RestoreTarget& target) const override {
    TRY_ASSIGN(const ClientTool psql, FindPsql(installation, target.paths.engine_root));
    RestorePlan plan;
    // Of a dump that makes several databases, the one that is asked for.
    plan.database =
        InitialDatabase(request_, target, installation, psql, FindStatementFor(head_, target.database));
    plan.steps.push_back(PsqlStep(request_, target, installation, psql, packing_));
    if (!request_.is_script) plan.steps.push_back(SettlingStep(request_, target, installation, psql));
    return plan;
  }

 private:
  const RestoreRequest request_;
  const Packing packing_;
  const std::string head_;
};

class Archive final : public RecognisedBackup {
 public:
  Archive(RestoreRequest request, BackupHead head) : request_(std::move(request)), head_(std::move(head)) {}

  Result<RestorePlan> Plan(const Installation& installation, const RestoreTarget& target) const override {
    return PlanArchive(request_, target, installation, head_);
  }

 private:
  const RestoreRequest request_;
  const BackupHead head_;
};

}  // namespace

/// Plain SQL goes to psql, a custom or tar archive to pg_restore, what they are packed in is unpacked on the
/// way. Where the backup goes: into the target's database; without one, plain SQL into `postgres` (a dump
/// made with
/// --create makes and enters its own), an archive into the database it was made of.
Result<std::unique_ptr<RecognisedBackup>> PostgresqlEngine::Recognise(const RestoreRequest& request) const {
  TRY_ASSIGN(BackupHead head, ReadHead(request));
  if (request.is_script) return std::make_unique<PlainSql>(request, std::move(head));
  const BaseBackupKind base = RecogniseBaseBackup(request, head.bytes);
  if (base != BaseBackupKind::kNone) return MakeBaseBackup(request, base, head.packing);
  if (request.folder != nullptr && !request.folder->Has(kContents)) return Fail(NoBackupIn(request));
  if (IsTar(head.bytes) && !IsTarOfBackup(head.bytes)) {
    TRY_ASSIGN(head, ReadHeadInTar(request.backup_fd, request.backup_name, std::move(head)));
  }
  TRY_ASSIGN(const BackupFormat format, RecogniseBackup(head.bytes, request.backup_name));
  if (format == BackupFormat::kDirectory && request.folder == nullptr) return Fail(OnlyContents(request));
  const Packing packing = head.packing;
  if (format == BackupFormat::kPlainSql) {
    TextFindings found = LookThrough(request, packing);
    head.bytes += "\n" + found.databases;
    return WithPartsOfText(request, std::move(found.extensions),
                           std::make_unique<PlainSql>(request, std::move(head)));
  }
  return WithPartsOfArchive(request, packing, std::make_unique<Archive>(request, std::move(head)));
}

}  // namespace spawnd::engines::postgresql
