#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>

#include "engines/postgresql/create_database.h"
#include "engines/postgresql/detect.h"
#include "engines/postgresql/parts/parts.h"
#include "engines/postgresql/physical/repositories.h"
#include "engines/postgresql/postgresql_engine.h"
#include "engines/postgresql/restore/archive_header.h"
#include "engines/postgresql/restore/backup_format.h"
#include "engines/postgresql/restore/base_backup.h"
#include "engines/postgresql/restore/client_tools.h"
#include "engines/postgresql/restore/pg_restore_session.h"
#include "engines/postgresql/restore/psql_session.h"
#include "engines/unpack/unpacked_file.h"

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
/// nothing of a build counts before it is sealed, which syncs it; no files of the caller's home.
std::vector<std::string> ClientEnvironment(const RestoreTarget& target) {
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
          "PGOPTIONS=-c client_min_messages=warning -c lc_messages=C -c synchronous_commit=off"};
}

std::string BaseName(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

RestoreStep PsqlStep(const RestoreRequest& request, const RestoreTarget& target, const ClientTool& psql,
                     const Packing& packing) {
  RestoreStep step;
  step.title = (request.is_script ? "running " : "restoring ") +
               (request.is_script ? request.backup_name : BaseName(request.backup_name));
  const std::string database = target.database.empty() ? "postgres" : target.database;
  step.command.argv = {psql.path, "-X",
                       "-w",      "-q",
                       "-v",      "VERBOSITY=verbose",
                       "-v",      "ON_ERROR_STOP=0",
                       "-f",      "-",
                       "-d",      ConnectTo(database)};
  step.command.env = ClientEnvironment(target);
  step.command.working_directory = "/";
  step.session = std::make_unique<PsqlSession>(request.backup_name, target.database, target.credentials.user,
                                               request.is_script);
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

/// Makes the database of an archive whose locale this host lacks, which pg_restore --create could not.
RestoreStep CreateDatabaseStep(const RestoreRequest& request, const RestoreTarget& target,
                               const ClientTool& psql, const std::string& sql) {
  RestoreStep step = PsqlStep(request, target, psql, {});
  step.title = "making the database of " + BaseName(request.backup_name);
  step.reads = ToolReads::kNothing;
  for (size_t i = 0; i + 1 < step.command.argv.size(); ++i) {
    if (step.command.argv[i] != "-f") continue;
    step.command.argv[i] = "-c";
    step.command.argv[i + 1] = sql;
  }
  return step;
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

RestoreStep PgRestoreStep(const RestoreRequest& request, const RestoreTarget& target, const ClientTool& tool,
                          const BackupHead& head, const std::string& database) {
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
  step.command.env = ClientEnvironment(target);
  step.command.working_directory = "/";
  step.session = std::make_unique<PgRestoreSession>(request.backup_name, !IsArchive(head.bytes), database,
                                                    target.credentials.user);
  step.packing = head.packing;
  return step;
}

Result<std::vector<RestoreStep>> PlanArchive(const RestoreRequest& request, const RestoreTarget& target,
                                             const Installation& installation, const BackupHead& head) {
  TRY_ASSIGN(const ClientTool tool, FindClientTool("pg_restore", installation, target.paths.engine_root));
  // A tar file's first member, toc.dat, begins after its header block.
  constexpr size_t kTarBlock = 512;
  const std::string_view bytes = head.bytes;
  const auto header =
      ReadArchiveHeader(IsArchive(bytes) ? bytes : bytes.substr(std::min(bytes.size(), kTarBlock)));
  if (header) TRY(CheckArchiveVersion(request, tool, *header));
  std::vector<RestoreStep> steps;
  std::string database = target.database;
  if (database.empty()) {
    const RewrittenStatement create = ReplaceMissingLocales(FindCreateDatabase(bytes));
    if (!create.replaced.empty()) {
      TRY_ASSIGN(const ClientTool psql, FindPsql(installation, target.paths.engine_root));
      RestoreStep step = CreateDatabaseStep(request, target, psql, create.sql);
      auto session = std::make_unique<PsqlSession>(request.backup_name, "", target.credentials.user);
      for (const std::string& locale : create.replaced) session->AddWarning(LocaleWarning(locale, create));
      step.session = std::move(session);
      steps.push_back(std::move(step));
      database = create.database;
    }
  }
  steps.push_back(PgRestoreStep(request, target, tool, head, database));
  return steps;
}

Error OnlyContents(const RestoreRequest& request) {
  return {ErrorCode::kInvalidArgument,
          "'" + request.backup_name + "' is only the table of contents of a backup in directory format",
          "Name the folder that it is in."};
}

class PlainSql final : public RecognisedBackup {
 public:
  PlainSql(RestoreRequest request, Packing packing)
      : request_(std::move(request)), packing_(std::move(packing)) {}

  Result<RestorePlan> Plan(const Installation& installation, const RestoreTarget& target) const override {
    TRY_ASSIGN(const ClientTool psql, FindPsql(installation, target.paths.engine_root));
    RestorePlan plan;
    plan.steps.push_back(PsqlStep(request_, target, psql, packing_));
    return plan;
  }

 private:
  const RestoreRequest request_;
  const Packing packing_;
};

class Archive final : public RecognisedBackup {
 public:
  Archive(RestoreRequest request, BackupHead head) : request_(std::move(request)), head_(std::move(head)) {}

  Result<RestorePlan> Plan(const Installation& installation, const RestoreTarget& target) const override {
    RestorePlan plan;
    TRY_ASSIGN(plan.steps, PlanArchive(request_, target, installation, head_));
    return plan;
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
  if (request.is_script) return std::make_unique<PlainSql>(request, head.packing);
  const BaseBackupKind base = RecogniseBaseBackup(request, head.bytes);
  if (base != BaseBackupKind::kNone) return MakeBaseBackup(request, base, head.packing);
  if (request.folder != nullptr && !request.folder->Has(kContents)) return Fail(NoBackupIn(request));
  if (IsTar(head.bytes) && !IsTarOfBackup(head.bytes)) {
    TRY_ASSIGN(head, ReadHeadInTar(request.backup_fd, request.backup_name, std::move(head)));
  }
  TRY_ASSIGN(const BackupFormat format, RecogniseBackup(head.bytes, request.backup_name));
  if (format == BackupFormat::kDirectory && request.folder == nullptr) return Fail(OnlyContents(request));
  if (format == BackupFormat::kPlainSql) {
    return WithPartsOfText(request, head.packing, std::make_unique<PlainSql>(request, head.packing));
  }
  const Packing packing = head.packing;
  return WithPartsOfArchive(request, packing, std::make_unique<Archive>(request, std::move(head)));
}

}  // namespace spawnd::engines::postgresql
