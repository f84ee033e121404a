#include "engines/postgresql/restore/base_backup.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "engines/measured_source.h"
#include "engines/postgresql/physical/base_recovery.h"
#include "engines/postgresql/physical/wal_folder.h"
#include "engines/postgresql/restore/tar_walk.h"
#include "engines/source_session.h"
#include "engines/unpack/backup_head.h"
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

/// Members that nothing but a server's data directory has, in a tar archive of what is in it.
bool IsInDataDirectory(std::string_view path) {
  if (IsVersionFile(path)) return true;
  constexpr std::array<std::string_view, 4> kFiles{"backup_label", "tablespace_map", "global/pg_control",
                                                   "postgresql.auto.conf"};
  constexpr std::array<std::string_view, 4> kFolders{"base/1/", "pg_wal/", "pg_xact/", "pg_multixact/"};
  return std::find(kFiles.begin(), kFiles.end(), path) != kFiles.end() ||
         std::any_of(kFolders.begin(), kFolders.end(),
                     [&](std::string_view folder) { return path.substr(0, folder.size()) == folder; });
}

/// Or of the folder itself, as `tar -cf x.tar /var/lib/postgresql/15/main` has it.
bool IsOfDataDirectory(std::string_view path) {
  while (true) {
    if (IsInDataDirectory(path)) return true;
    const size_t slash = path.find('/');
    if (slash == std::string_view::npos) return false;
    path.remove_prefix(slash + 1);
  }
}

/// base.tar, base.tgz, base.tar.zst: what it is packed with is told by its content. Not what lies beside such
/// a file, like base.tar.gz.md5.
bool IsTarOf(std::string_view stem, std::string_view file) {
  if (file.substr(0, stem.size()) != stem) return false;
  const std::string_view ending = file.substr(stem.size());
  if (ending == ".tar" || ending == ".tgz") return true;
  constexpr std::string_view kTar = ".tar.";
  if (ending.substr(0, kTar.size()) != kTar) return false;
  constexpr std::array<std::string_view, 6> kBeside{"asc", "md5", "sha1", "sha256", "sha512", "sig"};
  const std::string_view packed = ending.substr(kTar.size());
  return packed.find('.') == std::string_view::npos &&
         std::find(kBeside.begin(), kBeside.end(), packed) == kBeside.end();
}

/// Empty: there is none.
std::string TarIn(const BackupFolder& folder, std::string_view stem) {
  for (const std::string& name : folder.Names()) {
    if (IsTarOf(stem, name)) return name;
  }
  return {};
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

/// The number in 16400.tar, 16400.tar.gz; empty: it is none of a tablespace.
std::string TablespaceOf(const std::string& file) {
  const std::string stem = file.substr(0, file.find('.'));
  const bool number = !stem.empty() && stem.find_first_not_of("0123456789") == std::string::npos;
  return number && IsTarOf(stem, file) ? stem : std::string();
}

/// A tar file of the folder, and the folder in the data directory that it goes to.
struct TarInFolder {
  std::string file;
  std::string into;  ///< "", "/pg_wal"
  Packing packing{};
};

/// The data directory first.
Result<std::vector<TarInFolder>> TarsIn(const RestoreRequest& request) {
  const BackupFolder& folder = *request.folder;
  std::vector<TarInFolder> tars{{TarIn(folder, "base"), ""}};
  const std::string wal = TarIn(folder, "pg_wal");
  if (!wal.empty()) tars.push_back({wal, "/pg_wal"});
  for (const std::string& file : folder.Names()) {
    const std::string oid = TablespaceOf(file);
    if (!oid.empty()) tars.push_back({file, "/pg_tblspc/" + oid});
  }
  for (TarInFolder& tar : tars) {
    TRY_ASSIGN(const UniqueFd fd, folder.Open(tar.file));
    TRY_ASSIGN(BackupHead head, ReadBackupHead(fd.Get(), request.backup_name + "/" + tar.file));
    tar.packing = std::move(head.packing);
  }
  return tars;
}

std::vector<Placement> FromTarFolder(const std::vector<TarInFolder>& tars, const std::string& data) {
  std::vector<Placement> placements;
  for (const TarInFolder& tar : tars) {
    Placement& placement = placements.emplace_back();
    placement.source = PassOnBackup(tar.file, tar.packing);
    placement.source.input_file = tar.file;
    placement.sink = Unpack(placement.source.title, data + tar.into);
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
std::vector<Placement> FromPlainFolder(const RestoreRequest& request, const std::string& data,
                                       uint64_t volume_bytes) {
  Placement placement;
  placement.source = PassOnFolder(request.backup_name, {"-h", "--exclude=./postmaster.pid"}, volume_bytes);
  placement.sink = Unpack(placement.source.title, data);
  std::vector<Placement> placements;
  placements.push_back(std::move(placement));
  return placements;
}

/// What of the files is known before they are unpacked.
Result<uint64_t> BytesOf(const RestoreRequest& request, BaseBackupKind kind) {
  struct stat st {};
  if (kind == BaseBackupKind::kTarFile) {
    if (::fstat(request.backup_fd, &st) != 0)
      return FailErrno(errno, "cannot look at '" + request.backup_name + "'");
    return static_cast<uint64_t>(st.st_size);
  }
  uint64_t bytes = 0;
  if (kind == BaseBackupKind::kPlainFolder) return bytes;
  for (const std::string& file : request.folder->Names()) {
    if (file.find(".tar") == std::string::npos) continue;
    TRY_ASSIGN(const UniqueFd fd, request.folder->Open(file));
    if (::fstat(fd.Get(), &st) == 0) bytes += static_cast<uint64_t>(st.st_size);
  }
  return bytes;
}

/// A server changes its files at any time, and what is written belongs together with what is not yet. Its
/// processes work in that folder, whatever they are called in the container that they may be in.
Result<void> CheckStandsStill(const RestoreRequest& request) {
  for (const std::string& program : request.folder->WorkedInBy()) {
    if (program != "postgres" && program != "postmaster") continue;
    return Fail(ErrorCode::kInvalidArgument,
                "'" + request.backup_name +
                    "' is the data folder of a server that is running: its files change while they are read",
                "Make the backup with `pg_basebackup`, or stop the server first.");
  }
  return {};
}

/// The first segment of the log that the backup needs; empty: not known.
std::string FirstSegment(const RestoreRequest& request) {
  if (request.folder == nullptr || !request.folder->Has("backup_label")) return {};
  const auto fd = request.folder->Open("backup_label");
  if (!fd) return {};
  std::array<char, 512> content{};
  const ssize_t n = ::read(fd->Get(), content.data(), content.size());
  if (n <= 0) return {};
  const std::string_view text(content.data(), static_cast<size_t>(n));
  constexpr std::string_view kFile = "(file ";
  const size_t at = text.find(kFile);
  if (at == std::string_view::npos) return {};
  return std::string(text.substr(at + kFile.size(), kSegmentNameLength));
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
  struct Seen {
    BaseBackupKind kind;
    std::string version;
    Packing packing;
    uint64_t bytes;             ///< at least; packed ones count as they are
    std::string first_segment;  ///< empty: not known
    std::vector<TarInFolder> tars{};
  };
  BaseBackup(RestoreRequest request, Seen seen) : request_(std::move(request)), seen_(std::move(seen)) {}

  std::string Version() const override { return seen_.version; }
  bool IsPlaced() const override { return true; }
  bool TakesLogs() const override { return true; }
  Result<RestorePlan> Plan(const Installation& installation, const RestoreTarget& target) const override {
    const std::string& data = target.paths.data_directory;
    TRY(CheckOptions(target.options));
    TRY(CheckFits(request_.backup_name, seen_.bytes, target.volume_bytes));
    RestorePlan plan;
    if (seen_.kind == BaseBackupKind::kTarFile) plan.placements = FromTarFile(request_, data, seen_.packing);
    if (seen_.kind == BaseBackupKind::kTarFolder) plan.placements = FromTarFolder(seen_.tars, data);
    if (seen_.kind == BaseBackupKind::kPlainFolder) {
      plan.placements = FromPlainFolder(request_, data, target.volume_bytes);
    }
    if (request_.logs != nullptr) {
      plan.placements.push_back(
          PlaceSegments(request_.logs_name, seen_.first_segment, data + "/" + kPlacedLogs));
    }
    plan.placements.front().replaces_data = true;
    plan.placements.back().afterwards =
        RecoverBaseBackup(request_.backup_name, target.paths, installation.version, target.options.at);
    return plan;
  }

 private:
  /// A server's files are taken as they are.
  Result<void> CheckOptions(const RestoreOptions& options) const {
    const char* key = options.TakesParts()               ? "tables, excludeTables, excludeData and schemaOnly"
                      : !options.skip_extensions.empty() ? "skipExtensions"
                      : !options.locale.empty()          ? "locale"
                      : !options.encoding.empty()        ? "encoding"
                                                         : nullptr;
    if (key == nullptr) return {};
    return Fail(ErrorCode::kInvalidArgument,
                "'" + request_.backup_name + "' is a copy of a whole server's files, of which " + key +
                    " can take or change nothing",
                "Leave it out, or make the backup with `pg_dump`.");
  }

  const RestoreRequest request_;
  const Seen seen_;
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
  if (kind == BaseBackupKind::kPlainFolder) TRY(CheckStandsStill(request));
  TRY_ASSIGN(std::string version, VersionOf(request, kind));
  TRY_ASSIGN(const uint64_t bytes, BytesOf(request, kind));
  BaseBackup::Seen seen{kind, std::move(version), packing, bytes, FirstSegment(request)};
  if (kind == BaseBackupKind::kTarFolder) {
    TRY_ASSIGN(seen.tars, TarsIn(request));
  }
  return std::make_unique<BaseBackup>(request, std::move(seen));
}

}  // namespace spawnd::engines::postgresql
