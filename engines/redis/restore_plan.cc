#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>

#include "engines/redis/database_number.h"
#include "engines/redis/manifest.h"
#include "engines/redis/placed_data.h"
#include "engines/redis/rdb_header.h"
#include "engines/redis/redis_engine.h"
#include "engines/redis/script_session.h"
#include "engines/restore_options.h"
#include "engines/unpack/backup_head.h"
#include "engines/version.h"

namespace spawnd::engines::redis {
namespace {

Result<std::string> ReadAt(int fd, off_t offset, size_t size, const std::string& name) {
  std::string bytes(size, '\0');
  ssize_t n = 0;
  do {
    n = ::pread(fd, bytes.data(), bytes.size(), offset);
  } while (n < 0 && errno == EINTR);
  if (n < 0) return FailErrno(errno, "cannot read backup '" + name + "'");
  bytes.resize(static_cast<size_t>(n));
  return bytes;
}

bool LooksLikeText(std::string_view bytes) {
  return std::none_of(bytes.begin(), bytes.end(), [](unsigned char c) {
    return c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != '\v';
  });
}

/// A large snapshot that was cut, as far as its end tells. What ends with commands is an append-only file.
/// What is a small one's end, and what follows it, is looked at as it passes (placed_data.cc).
Result<void> CheckWhole(int fd, const std::string& name, const RdbHeader& header) {
  struct stat st {};
  if (header.heads_commands || ::fstat(fd, &st) != 0) return {};
  constexpr off_t kLarge = 16 << 20;
  if (st.st_size < kLarge) return {};
  constexpr size_t kEndBytes = 4096;
  const off_t from = std::max<off_t>(0, st.st_size - static_cast<off_t>(kEndBytes));
  TRY_ASSIGN(const std::string end, ReadAt(fd, from, kEndBytes, name));
  const size_t trailer = std::min(end.size(), kRdbTrailerBytes);
  const std::string_view last = std::string_view(end).substr(end.size() - trailer);
  if (EndsWhole(header, last) || EndsCommands(end) || LooksLikeText(last)) return {};
  return Fail(TruncatedSnapshot(name));
}

/// The client that belongs to the server, else one in the usual places; where tools find it.
Result<std::string> FindClient(const Product& product, const Installation& installation, const Paths& paths) {
  for (const std::string& folder :
       {installation.root + "/bin", std::string("/usr/bin"), std::string("/usr/local/bin")}) {
    for (const std::string_view name : product.clients) {
      const std::string program = folder + "/" + std::string(name);
      if (::access(program.c_str(), X_OK) != 0) continue;
      return ProgramForTools(program, installation, paths.engine_root);
    }
  }
  return Fail(ErrorCode::kUnsupported, "redis-cli, which runs scripts, is not installed",
              std::string(product.client_hint));
}

Result<RestoreStep> ScriptStep(const Product& product, const Installation& installation,
                               const RestoreTarget& target, const std::string& name, const Packing& packing) {
  TRY_ASSIGN(const std::string client, FindClient(product, installation, target.paths));
  RestoreStep step;
  step.title = "running " + name;
  // Answers come on standard output, and are what the session goes by. --no-raw: as on a terminal, where an
  // error cannot be mistaken for a value.
  step.command.argv = {"/bin/sh",
                       "-c",
                       R"(exec "$@" >&2)",
                       "redis",
                       client,
                       "-h",
                       target.endpoint.host,
                       "-p",
                       std::to_string(target.endpoint.port),
                       "-n",
                       IsDatabaseNumber(target.database) ? target.database : "0",
                       "--no-raw"};
  step.command.env = {"LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin", "HOME=/nonexistent",
                      "REDISCLI_AUTH=" + target.credentials.password};
  step.command.working_directory = "/";
  step.session = std::make_unique<ScriptSession>(name, target.options);
  step.packing = packing;
  return step;
}

/// What a server is told of a snapshot that it is too old for, or that is the other product's.
Result<void> CheckVersion(const Product& product, const Installation& installation,
                          const std::string& backup_name, const RdbHeader& header) {
  const std::string by = header.server_version.empty() ? "" : ", written by " + header.server_version;
  const std::string what = "backup '" + backup_name + "' has RDB format " +
                           (header.is_valkeys ? "VALKEY " : "") + std::to_string(header.version) + by + "; " +
                           std::string(product.display_name) + " " + installation.version;
  if (header.is_valkeys && product.own_formats.empty()) {
    return Fail(ErrorCode::kUnsupported, what + " reads none of Valkey's own format",
                "Make the image with `engine: valkey`.");
  }
  const int newest =
      NewestOf(header.is_valkeys ? product.own_formats : product.rdb_formats, installation.version);
  if (newest == 0 || header.version <= newest) {
    const bool too_old =
        header.is_valkeys && VersionLess(installation.version, product.own_formats.back().from);
    if (!too_old) return {};
    return Fail(ErrorCode::kUnsupported, what + " reads none of Valkey's own format",
                std::string(NewerServerHint()));
  }
  return Fail(ErrorCode::kUnsupported, what + " reads up to " + std::to_string(newest),
              std::string(NewerServerHint()));
}

constexpr std::string_view kNoSkipping =
    "A server loads a snapshot whole or not at all: what belongs to a module cannot be left out.";

/// One file: a snapshot, or an append-only file.
struct FoundData {
  std::vector<DataFile> files;        ///< of a folder, the manifest first
  bool is_folder_of_files = false;    ///< as 7.0 and later keep them
  std::optional<RdbHeader> snapshot;  ///< at the head of the (base) file
  std::string warning;
};

class PlacedData final : public RecognisedBackup {
 public:
  PlacedData(const Product& product, std::string name, FoundData found)
      : product_(product), name_(std::move(name)), found_(std::move(found)) {}

  bool IsPlaced() const override { return true; }
  Result<RestorePlan> Plan(const Installation& installation, const RestoreTarget& target) const override {
    TRY(RefuseOptions(target.options, product_.display_name, {}, kNoSkipping));
    if (found_.snapshot) TRY(CheckVersion(product_, installation, name_, *found_.snapshot));
    constexpr std::string_view kFirstWithFolder = "7.0";
    if (found_.is_folder_of_files && VersionLess(installation.version, kFirstWithFolder)) {
      return Fail(ErrorCode::kUnsupported,
                  "'" + name_ + "' is a folder of append-only files, as Redis 7.0 and later write; " +
                      std::string(product_.display_name) + " " + installation.version + " cannot read it",
                  std::string(NewerServerHint()));
    }
    const Loader loader{product_, installation, target.paths, name_,
                        found_.snapshot ? found_.snapshot->server_version : ""};
    RestorePlan plan;
    plan.placements = found_.is_folder_of_files ? PlaceFolder(loader, found_.files, found_.warning)
                                                : PlaceFile(loader, found_.files.front(), found_.warning);
    return plan;
  }

 private:
  const Product& product_;
  const std::string name_;
  const FoundData found_;
};

class Script final : public RecognisedBackup {
 public:
  Script(const Product& product, std::string name, Packing packing)
      : product_(product), name_(std::move(name)), packing_(std::move(packing)) {}

  Result<RestorePlan> Plan(const Installation& installation, const RestoreTarget& target) const override {
    TRY(RefuseOptions(target.options, product_.display_name, {}, kNoSkipping));
    TRY_ASSIGN(RestoreStep step, ScriptStep(product_, installation, target, name_, packing_));
    RestorePlan plan;
    plan.steps.push_back(std::move(step));
    return plan;
  }

 private:
  const Product& product_;
  const std::string name_;
  const Packing packing_;
};

/// What a file is whose name and beginning are known: a script has no `files`.
Result<FoundData> LookAtFile(int fd, const std::string& name, const BackupHead& head, DataFile file) {
  FoundData found;
  found.snapshot = ReadRdbHeader(head.bytes);
  if (!found.snapshot && !BeginsCommands(head.bytes)) return found;
  // A packed snapshot is checked later, when it has been unpacked.
  if (found.snapshot && !head.packing.IsPacked()) TRY(CheckWhole(fd, name, *found.snapshot));
  found.files.push_back(std::move(file));
  return found;
}

Result<FoundData> ReadManifestOf(const RestoreRequest& request, const std::string& path) {
  TRY_ASSIGN(const UniqueFd fd, request.folder->Open(path));
  TRY_ASSIGN(const std::string text, ReadAt(fd.Get(), 0, kMaxManifestBytes, path));
  TRY_ASSIGN(const auto listed, ReadManifest(text, path));
  FoundData found;
  found.is_folder_of_files = true;
  found.files.push_back({path, path});
  const size_t slash = path.rfind('/');
  const std::string below = slash == std::string::npos ? "" : path.substr(0, slash + 1);
  for (const ManifestFile& one : listed) {
    // With the client's rights, and never out of the folder.
    const auto file = request.folder->Open(below + one.name);
    if (!file) {
      Error why = file.error().Wrap("'" + request.backup_name + "' is not whole: its manifest names '" +
                                    one.name + "'");
      if (why.code == ErrorCode::kNotFound) why.code = ErrorCode::kInvalidArgument;
      return Fail(std::move(why));
    }
    found.files.push_back({below + one.name, below + one.name});
    if (!one.is_base) continue;
    TRY_ASSIGN(const BackupHead head, ReadBackupHead(file->Get(), one.name));
    found.snapshot = ReadRdbHeader(head.bytes);
  }
  return found;
}

bool EndsWith(const std::string& name, std::string_view end) {
  return name.size() > end.size() && name.ends_with(end);
}

std::vector<std::string> NamesWith(const BackupFolder& folder, std::string_view end) {
  std::vector<std::string> names;
  for (const std::string& name : folder.Names()) {
    if (EndsWith(name, end)) names.push_back(name);
  }
  return names;
}

/// The folder of append-only files, or the data directory of a server, which has one in it, or one of the
/// files that a server had before 7.0.
Result<FoundData> LookAtFolder(const RestoreRequest& request) {
  const BackupFolder& folder = *request.folder;
  const auto manifests = NamesWith(folder, ".manifest");
  if (manifests.size() == 1) return ReadManifestOf(request, manifests.front());
  const auto snapshots = NamesWith(folder, ".rdb");
  const std::string beside =
      snapshots.empty() ? ""
                        : "'" + request.backup_name + "' holds '" + snapshots.front() +
                              "' as well: the append-only files are taken, as a server with appendonly does";
  if (folder.Has("appendonlydir")) {
    TRY_ASSIGN(FoundData found, ReadManifestOf(request, "appendonlydir/appendonly.aof.manifest"));
    found.warning = beside;
    return found;
  }
  const bool has_commands = folder.Has("appendonly.aof");
  if (!has_commands && (snapshots.size() != 1 || manifests.size() > 1)) {
    return Fail(ErrorCode::kInvalidArgument,
                "'" + request.backup_name + "' is a folder, and no backup that is one" +
                    (manifests.size() > 1   ? ": it has " + std::to_string(manifests.size()) + " manifests"
                     : snapshots.size() > 1 ? ": it has " + std::to_string(snapshots.size()) + " snapshots"
                                            : ""),
                "One is a folder of append-only files with its manifest (appendonlydir), or a server's data "
                "directory; of snapshots name the file.");
  }
  const std::string name = has_commands ? "appendonly.aof" : snapshots.front();
  TRY_ASSIGN(const UniqueFd fd, folder.Open(name));
  TRY_ASSIGN(const BackupHead head, ReadBackupHead(fd.Get(), name));
  TRY_ASSIGN(FoundData found, LookAtFile(fd.Get(), name, head, {name, name, head.packing}));
  if (found.files.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "'" + name + "' in '" + request.backup_name + "' is no data of a server");
  }
  if (has_commands) found.warning = beside;
  return found;
}

/// Text that is no script.
Result<void> CheckScript(const RestoreRequest& request, const BackupHead& head) {
  const std::string name = "'" + request.backup_name + "'";
  if (request.is_script) {
    if (!BeginsCommands(head.bytes)) return {};
    return Fail(ErrorCode::kInvalidArgument, name + " is an append-only file and no script",
                "Name it as a backup: `sourceType: backup`.");
  }
  if (BeginsManifest(head.bytes)) {
    return Fail(ErrorCode::kInvalidArgument, name + " is the manifest of append-only files",
                "Name the folder that it is in, with all of them.");
  }
  if (head.bytes.empty())
    return Fail(ErrorCode::kInvalidArgument, name + " is empty", "Make the backup again.");
  return {};
}

}  // namespace

/// Data files are placed in the data directory, checked there by the server's own means, and become the data
/// set at the start that follows (placed_data.h). A script of commands goes to redis-cli. What they are
/// packed in is unpacked on the way.
Result<std::unique_ptr<RecognisedBackup>> RedisEngine::Recognise(const RestoreRequest& request) const {
  if (request.folder != nullptr) {
    TRY_ASSIGN(FoundData found, LookAtFolder(request));
    return std::make_unique<PlacedData>(product_, request.backup_name, std::move(found));
  }
  const std::string& name = request.backup_name;
  TRY_ASSIGN(const BackupHead head, ReadBackupHead(request.backup_fd, name, TarFile::kIsPacking));
  if (!request.is_script) {
    TRY_ASSIGN(FoundData found, LookAtFile(request.backup_fd, name, head, {name, "", head.packing}));
    if (!found.files.empty() && name.find(".incr.aof") != std::string::npos) {
      return Fail(ErrorCode::kInvalidArgument,
                  "'" + name + "' holds only what was written after its base, another file",
                  "Name the folder that it is in (appendonlydir), with its manifest.");
    }
    if (!found.files.empty()) return std::make_unique<PlacedData>(product_, name, std::move(found));
  }
  TRY(CheckScript(request, head));
  if (head.bytes.starts_with("\xFF\xFE") || head.bytes.starts_with("\xFE\xFF")) {
    return Fail(ErrorCode::kInvalidArgument, "'" + name + "' is a script in UTF-16", "Save it as UTF-8.");
  }
  if (!LooksLikeText(head.bytes)) {
    return Fail(ErrorCode::kInvalidArgument,
                "'" + name + "' is no backup of " + std::string(product_.display_name),
                "A backup is a snapshot (.rdb), an append-only file, or a script of commands, one a line; "
                "any of these packed "
                "(gzip, zstd, xz ...); or a folder of append-only files.");
  }
  return std::make_unique<Script>(product_, name, head.packing);
}

}  // namespace spawnd::engines::redis
