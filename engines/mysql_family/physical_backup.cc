#include "engines/mysql_family/physical_backup.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/unique_fd.h"
#include "engines/measured_source.h"
#include "engines/source_session.h"

namespace spawnd::engines::mysql_family {
namespace {

/// Written by mariabackup before 11.1, and since.
constexpr std::array<const char*, 2> kInfoFiles{"xtrabackup_info", "mariadb_backup_info"};
/// Bounds an information file, which has a few lines.
constexpr size_t kMaxInfoBytes = 64 * 1024;

/// Run in the container, in the folder that was placed. $1: the data directory, $2: the series of the server,
/// $3: the backup tool.
constexpr const char* kRecoverScript = R"sh(
set -eu
cd "$1/db"
# A tar archive of the folder, and not of what is in it.
inner=$(find . -maxdepth 8 '(' -name xtrabackup_info -o -name mariadb_backup_info ')' | head -n 1); inner=${inner#./}
case $inner in
  */*)
    inner=${inner%/*}
    find "$inner" -mindepth 1 -maxdepth 1 -exec mv -t . -- {} +
    rmdir -p --ignore-fail-on-non-empty -- "$inner" ;;
esac
info=; for file in xtrabackup_info mariadb_backup_info; do [ ! -f $file ] || info=$file; done
points=; for file in xtrabackup_checkpoints mariadb_backup_checkpoints; do [ ! -f $file ] || points=$file; done
if [ -z "$info" ] || [ -z "$points" ] || [ ! -f ibdata1 ]; then
  echo "spawnd: it is no whole backup: xtrabackup_info, xtrabackup_checkpoints or ibdata1 is missing"; exit 1
fi
made=$(sed -n 's/^server_version *= *//p' $info)
case $made in "$2".*) ;; *) echo "spawnd: it is of a server of version $made, and version $2 was chosen: say version: ${made%%-*}"; exit 1 ;; esac
! grep -qi '^backup_type *= *incremental' $points || { echo "spawnd: it is an incremental backup: prepare it together with its full one first"; exit 1; }
! grep -qiE '^(partial|incremental|compressed) *= *(Y|1|compressed)' $info || { echo "spawnd: it is a partial, incremental or compressed backup"; exit 1; }
if [ -f backup-my.cnf ]; then
  page=$(sed -n 's/^innodb_page_size *= *//p' backup-my.cnf); data=$(sed -n 's/^innodb_data_file_path *= *//p' backup-my.cnf)
  [ "${page:-16384}" = 16384 ] || { echo "spawnd: its innodb_page_size is $page, only 16384 is supported"; exit 1; }
  case $data in '' | ibdata1:*[Mm]:autoextend) ;; *) echo "spawnd: its innodb_data_file_path is $data, only one file ibdata1 is supported"; exit 1 ;; esac
fi
"$3" --no-defaults --prepare --target-dir=. --tmpdir="$1/tmp" 2>&1
# Who made the backup and how is nobody's business in a container.
rm -f backup-my.cnf xtrabackup_* mariadb_backup_* ib_buffer_pool auto.cnf
# Nor whom it followed.
rm -f master*.info relay-log*.info multi-master.info ./*relay-bin.*
)sh";

Command HostCommand(std::vector<std::string> argv) {
  return {std::move(argv), {"LC_ALL=C", "PATH=/usr/bin:/bin"}, "/"};
}

/// The line that says why: the script's own, else the tool's first error, else its last words.
std::string Reason(std::string_view output) {
  for (const std::string_view mark : {"spawnd: ", "[ERROR] ", "error: "}) {
    const size_t at = output.find(mark);
    if (at == std::string_view::npos) continue;
    output.remove_prefix(at + mark.size());
    return std::string(output.substr(0, output.find('\n')));
  }
  while (!output.empty() && output.back() == '\n') output.remove_suffix(1);
  output = output.substr(output.rfind('\n') + 1);
  constexpr std::string_view kThread = "[00] ";
  constexpr size_t kThreadAndTime = std::string_view("[00] 2026-11-25 20:06:29 ").size();
  if (output.substr(0, kThread.size()) == kThread && output.size() > kThreadAndTime) {
    output.remove_prefix(kThreadAndTime);
  }
  return std::string(output);
}

std::function<Error(std::string_view)> ExplainWith(const std::string& name, ErrorCode code) {
  return [name, code](std::string_view output) {
    const bool full = output.find("No space left on device") != std::string_view::npos;
    return Error(full ? ErrorCode::kNoSpace : code, "'" + name + "' cannot be restored: " + Reason(output),
                 full ? ""  // the daemon knows of what
                      : "A backup is the folder that `mariabackup --backup` (of MySQL `xtrabackup --backup`) "
                        "wrote, or what it "
                        "wrote with --stream=xbstream.");
  };
}

ContainerCommand Sink(const std::string& name, const Paths& paths, std::vector<std::string> unpack) {
  ContainerCommand sink;
  sink.title = "placing " + name;
  std::vector<std::string> argv{"/bin/sh", "-c",
                                R"(cd "$1" && mkdir -p -m 0700 tmp db && cd db && shift && exec "$@")", "sh",
                                paths.data_directory};
  for (std::string& word : unpack) argv.push_back(std::move(word));
  sink.command = HostCommand(std::move(argv));
  sink.explain = ExplainWith(name, ErrorCode::kInvalidArgument);
  return sink;
}

std::string InfoOf(const BackupFolder& folder) {
  for (const char* name : kInfoFiles) {
    if (folder.Has(name)) return name;
  }
  return {};
}

Result<std::string> SeriesOfFolder(const RestoreRequest& request) {
  TRY_ASSIGN(const UniqueFd fd, request.folder->Open(InfoOf(*request.folder)));
  std::string info(kMaxInfoBytes, '\0');
  const ssize_t n = ::pread(fd.Get(), info.data(), info.size(), 0);
  if (n < 0) return FailErrno(errno, "cannot read backup '" + request.backup_name + "'");
  info.resize(static_cast<size_t>(n));
  constexpr std::string_view kLine = "\nserver_version = ";
  const size_t at = info.find(kLine);
  if (at == std::string::npos) return std::string();
  return SeriesOf(std::string_view(info).substr(at + kLine.size()));
}

class PhysicalBackup final : public RecognisedBackup {
 public:
  PhysicalBackup(const Product& product, RestoreRequest request, std::string series, BackupHead head)
      : product_(product),
        request_(std::move(request)),
        series_(std::move(series)),
        packing_(std::move(head.packing)),
        is_tar_(request_.folder != nullptr || IsTar(head.bytes)) {}

  std::string Version() const override { return series_; }
  bool IsPlaced() const override { return true; }
  Result<RestorePlan> Plan(const Installation& installation, const RestoreTarget& target) const override;

 private:
  const Product& product_;
  const RestoreRequest request_;
  const std::string series_;
  const Packing packing_;
  const bool is_tar_;  ///< what comes from the source; else it is xbstream
};

Result<RestorePlan> PhysicalBackup::Plan(const Installation& installation,
                                         const RestoreTarget& target) const {
  const std::string& name = request_.backup_name;
  const std::string tool = FindProgram(installation.root, product_.backup_programs);
  const std::string unpacker = FindProgram(installation.root, product_.stream_programs);
  if (tool.empty() || unpacker.empty()) {
    return Fail(ErrorCode::kUnsupported,
                "'" + name + "' is a physical backup, and no program of " +
                    std::string(product_.display_name) + " " + installation.version +
                    " is installed that restores it",
                std::string(product_.backup_install_hint));
  }
  struct stat st {};
  if (request_.folder == nullptr && ::fstat(request_.backup_fd, &st) == 0) {
    TRY(CheckFits(name, static_cast<uint64_t>(st.st_size), target.volume_bytes));
  }
  Placement placement;
  placement.replaces_data = true;
  placement.source =
      request_.folder != nullptr ? PassOnFolder(name, {}, target.volume_bytes) : PassOnBackup(name, packing_);
  placement.sink =
      Sink(name, target.paths,
           is_tar_ ? std::vector<std::string>{"/bin/tar", "-x", "--no-same-owner", "--no-same-permissions"}
                   : std::vector<std::string>{unpacker, "-x"});
  ContainerCommand recover;
  recover.title = "recovering " + name;
  recover.command = HostCommand({"/bin/sh", "-c", kRecoverScript, "sh", target.paths.data_directory,
                                 SeriesOf(installation.version), tool});
  recover.explain = ExplainWith(name, ErrorCode::kInvalidArgument);
  placement.afterwards.push_back(std::move(recover));
  RestorePlan plan;
  plan.placements.push_back(std::move(placement));
  return plan;
}

}  // namespace

bool IsPhysicalBackup(const BackupFolder& folder) {
  return !InfoOf(folder).empty();
}

bool IsPhysicalBackup(std::string_view head) {
  constexpr std::array<std::string_view, 4> kStarts{"xtrabackup_", "mariadb_backup_", "aria_log",
                                                    "ib_logfile"};
  constexpr std::array<std::string_view, 3> kNames{"ibdata1", "backup-my.cnf", "undo001"};
  const std::vector<std::string> members = NamesInTar(head);
  return std::any_of(members.begin(), members.end(), [&](const std::string& path) {
    const std::string_view file = std::string_view(path).substr(path.rfind('/') + 1);
    return std::find(kNames.begin(), kNames.end(), file) != kNames.end() ||
           std::any_of(kStarts.begin(), kStarts.end(), [&](auto start) { return file.starts_with(start); });
  });
}

Result<std::unique_ptr<RecognisedBackup>> MakePhysicalBackup(const Product& product,
                                                             const RestoreRequest& request, BackupHead head) {
  std::string series;
  if (request.folder != nullptr) {
    TRY_ASSIGN(series, SeriesOfFolder(request));
  }
  return std::make_unique<PhysicalBackup>(product, request, std::move(series), std::move(head));
}

}  // namespace spawnd::engines::mysql_family
