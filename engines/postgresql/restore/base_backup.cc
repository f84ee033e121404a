#include "engines/postgresql/restore/base_backup.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "engines/postgresql/detect.h"
#include "engines/postgresql/postgresql_engine.h"
#include "engines/postgresql/restore/tar_walk.h"
#include "engines/postgresql/settings.h"
#include "engines/source_session.h"
#include "engines/unpack/unpacked_file.h"

namespace spawnd::engines::postgresql {
namespace {

constexpr size_t kTarMagicAt = 257;
constexpr size_t kReadBytes = 256 * 1024;
/// A PG_VERSION lies in the folder of every database; a tar file that shows none in so much is no base
/// backup.
constexpr uint64_t kMaxLookedThrough = uint64_t{4} << 30;

bool EndsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

bool IsVersionFile(std::string_view path) {
  return path == "PG_VERSION" || EndsWith(path, "/PG_VERSION");
}

/// Members that nothing but a server's data directory has.
bool IsOfDataDirectory(std::string_view path) {
  if (IsVersionFile(path)) return true;
  constexpr std::array<std::string_view, 4> kFiles{"backup_label", "tablespace_map", "global/pg_control",
                                                   "postgresql.auto.conf"};
  constexpr std::array<std::string_view, 4> kFolders{"base/1/", "pg_wal/", "pg_xact/", "pg_multixact/"};
  return std::find(kFiles.begin(), kFiles.end(), path) != kFiles.end() ||
         std::any_of(kFolders.begin(), kFolders.end(),
                     [&](std::string_view folder) { return path.substr(0, folder.size()) == folder; });
}

/// The first of "base.tar", "base.tar.gz" that is there; empty: neither.
std::string TarIn(const BackupFolder& folder, const std::string& stem) {
  for (const char* ending : {".tar", ".tar.gz", ".tgz"}) {
    if (folder.Has(stem + ending)) return stem + ending;
  }
  return {};
}

bool IsGzipName(const std::string& name) {
  return EndsWith(name, "gz");
}

Error NoVersion(const RestoreRequest& request) {
  return {ErrorCode::kInvalidArgument,
          "'" + request.backup_name + "' is no whole base backup: it has no PG_VERSION",
          "Make it with `pg_basebackup`."};
}

Result<std::string> ParseVersion(const RestoreRequest& request, std::string_view content) {
  const std::string version(content.substr(0, content.find_first_not_of("0123456789.")));
  if (version.empty()) return Fail(NoVersion(request));
  return version;
}

Result<std::string> VersionInTar(const RestoreRequest& request, int fd) {
  TRY_ASSIGN(const BackupHead head, ReadBackupHead(fd, request.backup_name));
  UnpackedFile file(fd, request.backup_name, head.packing);
  TarWalk walk;
  bool found = false;
  walk.on_member = [&](std::string_view path) {
    if (found || !IsVersionFile(path)) return;
    found = true;
    walk.Keep();
  };
  for (uint64_t seen = 0; !walk.Ended() && seen < kMaxLookedThrough;) {
    TRY_ASSIGN(const std::string unpacked, file.Read(kReadBytes));
    if (unpacked.empty()) break;
    TRY(walk.Take(unpacked, false, request.backup_name));
    seen += unpacked.size();
    if (found && !walk.Kept().empty()) return ParseVersion(request, walk.Kept());
  }
  return Fail(NoVersion(request));
}

Command HostCommand(std::vector<std::string> argv) {
  return {std::move(argv), {"LC_ALL=C", "PATH=/usr/bin:/bin"}, "/"};
}

/// Run in the container. What a source has of configuration and recovery settings may keep the server from
/// starting: folders and libraries of another machine, an archive, a primary to follow. It is put aside.
/// Only settings of the language of sessions are taken over.
///
/// A tablespace becomes a folder of the data directory, behind the link that the server expects.
///
/// With a backup_label the server has to recover up to the backup's end. Only as an archive recovery does it
/// insist on reaching that; the archive is one that has nothing, so that it takes what is in pg_wal.
constexpr const char* kTidyScript = R"sh(
set -eu
cd "$1"
for file in PG_VERSION global/pg_control; do
  [ -f "$file" ] || { echo "it has no $file"; exit 1; }
done
if [ -s tablespace_map ]; then
  while read -r oid path; do
    [ -d "pg_tblspc/$oid" ] || { echo "tablespace $oid ($path) is missing: name the folder that has $oid.tar"; exit 1; }
  done <tablespace_map
fi
for link in pg_tblspc/*; do
  if [ -L "$link" ]; then echo "tablespace ${link#pg_tblspc/} is a link to another folder"; exit 1; fi
  [ -d "$link" ] || continue
  mkdir -p tablespaces
  mv "$link" tablespaces/
  ln -s "$1/tablespaces/${link#pg_tblspc/}" "$link"
done
rm -rf postmaster.pid postmaster.opts recovery.signal standby.signal recovery.conf tablespace_map pg_replslot
for folder in pg_wal/archive_status pg_commit_ts pg_dynshmem pg_logical/mappings pg_logical/snapshots pg_notify \
  pg_replslot pg_serial pg_snapshots pg_stat pg_stat_tmp pg_subtrans pg_tblspc pg_twophase; do
  mkdir -p "$folder"
done
for file in postgresql.conf postgresql.auto.conf; do
  if [ -e "$file" ] || [ -L "$file" ]; then mv "$file" "$file.source"; fi
done
: >postgresql.auto.conf
echo '# Made by spawnd. What the source had is in postgresql.conf.source and postgresql.auto.conf.source.' >postgresql.conf
for file in postgresql.conf.source postgresql.auto.conf.source; do
  [ -f "$file" ] || continue
  grep -iE "^[[:space:]]*(timezone|datestyle|intervalstyle|default_text_search_config|bytea_output|search_path)[[:space:]]*=[[:space:]]*('[^']*'|[a-z0-9_/.+-]+)[[:space:]]*(#.*)?$" "$file" >>postgresql.conf || true
done
if [ -f backup_label ]; then
  case $(cat PG_VERSION) in
    10 | 11) echo "restore_command = 'false'" >recovery.conf ;;
    *) : >recovery.signal ;;
  esac
fi
)sh";

/// The server of a build on its own, without a network or a postmaster: recovers, takes one statement a line
/// from standard input, ends cleanly. It recovers from the log in the data directory alone.
Command SingleUserCommand(const Paths& paths, const std::string& version) {
  Command command;
  command.argv = {paths.engine_root + "/bin/postgres", "--single", "-D", paths.data_directory};
  Settings settings = BuildSettings(version);
  settings.emplace_back("config_file", paths.data_directory + "/postgresql.conf");
  // A server that answers queries while it recovers would insist on the source's limits.
  settings.emplace_back("hot_standby", "off");
  settings.emplace_back("archive_mode", "off");
  settings.emplace_back("dynamic_shared_memory_type", "sysv");
  settings.emplace_back("lc_messages", "C");
  // An archive that has nothing; before 12 this is said in recovery.conf.
  if (MajorNumberOf(version) >= 12) settings.emplace_back("restore_command", "false");
  for (const auto& [name, value] : settings) {
    command.argv.push_back("-c");
    command.argv.push_back(name + "=" + value);
  }
  // There whatever the source did to its other databases.
  command.argv.emplace_back("template1");
  command.env = {"LC_ALL=C", "PATH=/usr/bin:/bin"};
  command.working_directory = "/";
  return command;
}

/// For SingleUserCommand. What exists already is an error of that line alone, which nobody has to see.
constexpr const char* kSuperuserScript =
    "SET log_min_messages = panic\n"
    "CREATE ROLE postgres\n"
    "RESET log_min_messages\n"
    "ALTER ROLE postgres SUPERUSER LOGIN CONNECTION LIMIT -1 VALID UNTIL 'infinity'\n"
    "ALTER ROLE postgres RESET ALL\n";

/// Printed as a column's name, so that it can be found in what a server without clients prints.
constexpr std::string_view kSubscriptions = "spawnd_subscriptions_switched_off";

/// For SingleUserCommand. A subscription connects to the source and takes its slot along as soon as a server
/// starts. Without the slot's name it can be dropped without connecting, too.
std::string PreparationScript() {
  return std::string(kSuperuserScript) + "SELECT subname AS " + std::string(kSubscriptions) +
         " FROM pg_catalog.pg_subscription WHERE subenabled\n"
         "UPDATE pg_catalog.pg_subscription SET subenabled = false, subslotname = NULL\n";
}

/// Lines like `\t 1: spawnd_subscriptions_switched_off = "name"\t(typeid = 19, ...)`.
std::string WarnOfSubscriptions(const std::string& backup_name, std::string_view output) {
  const std::string mark = std::string(kSubscriptions) + " = \"";
  std::string names;
  for (size_t at = 0; (at = output.find(mark, at)) != std::string_view::npos;) {
    at += mark.size();
    names += (names.empty() ? "'" : ", '") + std::string(output.substr(at, output.find('"', at) - at)) + "'";
  }
  if (names.empty()) return {};
  return "'" + backup_name + "': switched off, so that nothing connects to the source: subscription " + names;
}

Error WhyNotRecovered(const std::string& name, std::string_view output) {
  Error error = PostgresqlEngine().ExplainExit(output, {});
  error.message = "'" + name + "' cannot be recovered: " + error.message;
  const auto says = [&](std::string_view words) { return output.find(words) != std::string_view::npos; };
  if (says("required checkpoint record") || says("WAL ends before") || says("valid checkpoint record")) {
    error.code = ErrorCode::kInvalidArgument;
    error.hint =
        "It lacks write-ahead log. Make it with `pg_basebackup --wal-method=stream` and name its folder, "
        "which "
        "has base.tar and pg_wal.tar.";
  } else if (says("locale is incompatible")) {
    error.hint = "Install the locale on this machine: `apt install locales-all`.";
  }
  return error;
}

std::vector<ContainerCommand> Afterwards(const std::string& name, const Paths& paths,
                                         const std::string& version) {
  ContainerCommand tidy;
  tidy.title = "preparing " + name;
  tidy.command = HostCommand({"/bin/sh", "-c", kTidyScript, "sh", paths.data_directory});
  tidy.explain = [name](std::string_view output) {
    while (!output.empty() && output.back() == '\n') output.remove_suffix(1);
    return Error(ErrorCode::kInvalidArgument, "'" + name + "' is no whole base backup: " +
                                                  std::string(output.substr(output.rfind('\n') + 1)));
  };
  ContainerCommand recover;
  recover.title = "recovering";
  recover.command = SingleUserCommand(paths, version);
  recover.input = PreparationScript();
  recover.warn = [name](std::string_view output) { return WarnOfSubscriptions(name, output); };
  recover.explain = [name](std::string_view output) { return WhyNotRecovered(name, output); };
  std::vector<ContainerCommand> commands;
  commands.push_back(std::move(tidy));
  commands.push_back(std::move(recover));
  return commands;
}

ContainerCommand Unpack(const std::string& title, const std::string& into) {
  ContainerCommand sink;
  sink.title = title;
  sink.command = HostCommand({"/bin/sh", "-c", "mkdir -p \"$1\" && exec tar -x -C \"$1\"", "sh", into});
  // tar's first words say why, its last ones only that it gives up.
  sink.explain = [title](std::string_view output) {
    const std::string_view why = output.substr(0, output.find('\n'));
    const bool damaged = why.find("Unexpected EOF") != std::string_view::npos ||
                         why.find("does not look like") != std::string_view::npos;
    return Error(ErrorCode::kInvalidArgument, title + ": " + std::string(why),
                 damaged ? "Copy or make the backup again." : "");
  };
  return sink;
}

/// A file of the folder, or the folder itself, read by a tool as the caller.
Placement FromTool(const std::string& what, std::vector<std::string> argv, const std::string& into) {
  Placement placement;
  placement.source = PassOnBackup(what, {});
  placement.source.command = HostCommand(std::move(argv));
  placement.source.reads = ToolReads::kBackup;
  placement.sink = Unpack(placement.source.title, into);
  return placement;
}

Placement FromTarInFolder(const std::string& file, const std::string& into) {
  const std::string path = std::string(kBackupFolder) + "/" + file;
  if (IsGzipName(file)) return FromTool(file, {"/bin/gzip", "-dc", "--", path}, into);
  return FromTool(file, {"/bin/cat", "--", path}, into);
}

/// OID.tar, OID.tar.gz: tablespaces.
std::string TablespaceOf(const std::string& file) {
  const std::string stem = file.substr(0, file.find('.'));
  const bool number = !stem.empty() && stem.find_first_not_of("0123456789") == std::string::npos;
  const std::string ending = file.substr(stem.size());
  return number && (ending == ".tar" || ending == ".tar.gz" || ending == ".tgz") ? stem : std::string();
}

std::vector<Placement> FromTarFolder(const RestoreRequest& request, const std::string& data) {
  std::vector<Placement> placements;
  placements.push_back(FromTarInFolder(TarIn(*request.folder, "base"), data));
  const std::string wal = TarIn(*request.folder, "pg_wal");
  if (!wal.empty()) placements.push_back(FromTarInFolder(wal, data + "/pg_wal"));
  for (const std::string& file : request.folder->Names()) {
    const std::string oid = TablespaceOf(file);
    if (!oid.empty()) placements.push_back(FromTarInFolder(file, data + "/pg_tblspc/" + oid));
  }
  return placements;
}

std::vector<Placement> FromTarFile(const RestoreRequest& request, const std::string& data,
                                   const Packing& packing) {
  std::vector<Placement> placements;
  Placement& base = placements.emplace_back();
  base.source = PassOnBackup(request.backup_name, packing);
  base.sink = Unpack(base.source.title, data);
  return placements;
}

/// Links are followed as far as they lead to something in the folder.
std::vector<Placement> FromPlainFolder(const RestoreRequest& request, const std::string& data) {
  std::vector<Placement> placements;
  placements.push_back(
      FromTool(request.backup_name,
               {"/bin/tar", "-C", kBackupFolder, "-c", "-h", "--exclude=./postmaster.pid", "--", "."}, data));
  return placements;
}

Result<std::string> VersionOf(const RestoreRequest& request, BaseBackupKind kind) {
  if (kind == BaseBackupKind::kTarFile) return VersionInTar(request, request.backup_fd);
  if (kind == BaseBackupKind::kTarFolder) {
    TRY_ASSIGN(const UniqueFd fd, request.folder->Open(TarIn(*request.folder, "base")));
    return VersionInTar(request, fd.Get());
  }
  TRY_ASSIGN(const UniqueFd fd, request.folder->Open("PG_VERSION"));
  std::array<char, 16> content{};
  const ssize_t n = ::read(fd.Get(), content.data(), content.size());
  if (n < 0) return FailErrno(errno, "cannot read PG_VERSION of '" + request.backup_name + "'");
  return ParseVersion(request, {content.data(), static_cast<size_t>(n)});
}

class BaseBackup final : public RecognisedBackup {
 public:
  BaseBackup(RestoreRequest request, BaseBackupKind kind, std::string version, Packing packing)
      : request_(std::move(request)),
        kind_(kind),
        version_(std::move(version)),
        packing_(std::move(packing)) {}

  std::string Version() const override { return version_; }
  bool IsPlaced() const override { return true; }
  Result<RestorePlan> Plan(const Installation& installation, const RestoreTarget& target) const override {
    const std::string& data = target.paths.data_directory;
    RestorePlan plan;
    if (kind_ == BaseBackupKind::kTarFile) plan.placements = FromTarFile(request_, data, packing_);
    if (kind_ == BaseBackupKind::kTarFolder) plan.placements = FromTarFolder(request_, data);
    if (kind_ == BaseBackupKind::kPlainFolder) plan.placements = FromPlainFolder(request_, data);
    plan.placements.front().replaces_data = true;
    plan.placements.back().afterwards = Afterwards(request_.backup_name, target.paths, installation.version);
    return plan;
  }

 private:
  const RestoreRequest request_;
  const BaseBackupKind kind_;
  const std::string version_;
  const Packing packing_;
};

}  // namespace

BaseBackupKind RecogniseBaseBackup(const RestoreRequest& request, std::string_view head) {
  if (request.folder != nullptr) {
    if (request.folder->Has("PG_VERSION") && request.folder->Has("global"))
      return BaseBackupKind::kPlainFolder;
    return TarIn(*request.folder, "base").empty() ? BaseBackupKind::kNone : BaseBackupKind::kTarFolder;
  }
  if (head.size() < kTarMagicAt + 5 || head.substr(kTarMagicAt, 5) != "ustar") return BaseBackupKind::kNone;
  TarWalk walk;
  bool found = false;
  walk.on_member = [&found](std::string_view path) { found = found || IsOfDataDirectory(path); };
  const bool whole = walk.Take(head, false, request.backup_name).has_value();
  return whole && found ? BaseBackupKind::kTarFile : BaseBackupKind::kNone;
}

Result<std::unique_ptr<RecognisedBackup>> MakeBaseBackup(const RestoreRequest& request, BaseBackupKind kind,
                                                         const Packing& packing) {
  TRY_ASSIGN(std::string version, VersionOf(request, kind));
  return std::make_unique<BaseBackup>(request, kind, std::move(version), packing);
}

}  // namespace spawnd::engines::postgresql
