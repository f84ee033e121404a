#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>

#include "engines/redis/database_number.h"
#include "engines/redis/launch.h"
#include "engines/redis/rdb_header.h"
#include "engines/redis/redis_engine.h"
#include "engines/redis/script_session.h"
#include "engines/source_session.h"
#include "engines/unpack/unpacked_file.h"

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

/// A file that was cut.
Result<void> CheckWhole(const RestoreRequest& request, const RdbHeader& header) {
  struct stat st {};
  if (::fstat(request.backup_fd, &st) != 0) return {};
  const off_t from = std::max<off_t>(0, st.st_size - static_cast<off_t>(kRdbTrailerBytes));
  TRY_ASSIGN(const std::string tail, ReadAt(request.backup_fd, from, kRdbTrailerBytes, request.backup_name));
  if (EndsWhole(header, tail)) return {};
  return Fail(ErrorCode::kInvalidArgument,
              "backup '" + request.backup_name + "' is truncated: its end is missing",
              "Copy or make the backup again; `redis-check-rdb` checks a file.");
}

/// A file that the server is too old for.
Result<void> CheckVersion(const Installation& installation, const std::string& backup_name,
                          const RdbHeader& header) {
  const int newest = NewestRdbOf(installation.version);
  if (newest == 0 || header.version <= newest) return {};
  const std::string by = header.server_version.empty() ? "" : ", written by " + header.server_version;
  return Fail(ErrorCode::kUnsupported,
              "backup '" + backup_name + "' has RDB format " + std::to_string(header.version) + by +
                  "; Redis " + installation.version + " reads up to " + std::to_string(newest),
              "Install a Redis or Valkey that is at least as new as the one that made the backup.");
}

bool LooksLikeText(std::string_view bytes) {
  return std::none_of(bytes.begin(), bytes.end(), [](unsigned char c) {
    return c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != '\v';
  });
}

/// The client that belongs to the server, else one in the usual places; where tools find it.
Result<std::string> FindClient(const Installation& installation, const Paths& paths) {
  for (const std::string& folder :
       {installation.root + "/bin", std::string("/usr/bin"), std::string("/usr/local/bin")}) {
    for (const char* name : {"/redis-cli", "/valkey-cli"}) {
      if (::access((folder + name).c_str(), X_OK) != 0) continue;
      return ProgramForTools(folder + name, installation, paths.engine_root);
    }
  }
  return Fail(ErrorCode::kUnsupported, "redis-cli, which runs scripts, is not installed",
              "Install it with `apt install redis-tools`.");
}

Result<RestoreStep> ScriptStep(const Installation& installation, const RestoreTarget& target,
                               const std::string& name, const Packing& packing) {
  TRY_ASSIGN(const std::string client, FindClient(installation, target.paths));
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
  step.session = std::make_unique<ScriptSession>(name);
  step.packing = packing;
  return step;
}

/// $1: the file. One that is there is another backup's.
constexpr const char* kPlaceScript = R"(set -eu
if [ -e "$1" ]; then
  cat >/dev/null
  echo 'spawnd: a second snapshot'
  exit 1
fi
cat >"$1"
)";

/// $1: folder of installed programs, $2: a folder to make a link in, $3: the file. The checker is the server,
/// by another name.
constexpr const char* kCheckScript = R"(set -eu
server=$1/redis-server
[ -x "$server" ] || server=$1/valkey-server
ln -sf "$server" "$2/redis-check-rdb"
code=0
"$2/redis-check-rdb" "$3" || code=$?
rm -f "$2/redis-check-rdb"
exit "$code"
)";

/// What redis-check-rdb, or the script around it, has against the snapshot.
Error ExplainCheck(const std::string& backup_name, std::string_view output) {
  if (output.find("spawnd: a second snapshot") != std::string_view::npos) {
    return {ErrorCode::kInvalidArgument, "'" + backup_name + "' is a second snapshot",
            "A Redis has one data set: name one .rdb file."};
  }
  // "--- RDB ERROR DETECTED ---" and then "[offset 27] Unexpected EOF reading RDB file".
  std::string cause = "redis-check-rdb does not say why";
  const size_t detected = output.find("RDB ERROR DETECTED");
  const size_t start = detected == std::string_view::npos ? detected : output.find("] ", detected);
  if (start != std::string_view::npos) {
    cause = output.substr(start + 2, output.find('\n', start) - start - 2);
  } else if (output.find("No space left") != std::string_view::npos) {
    return {ErrorCode::kNoSpace, "there is no room for '" + backup_name + "'",
            "Make room on the disk of the state directory."};
  }
  const bool version = cause.find("format version") != std::string::npos;
  return {version ? ErrorCode::kUnsupported : ErrorCode::kInvalidArgument,
          "backup '" + backup_name + "' cannot be read: " + cause,
          version ? "Install a Redis or Valkey that is at least as new as the one that made the backup."
                  : "Copy or make the backup again; `redis-check-rdb` checks a file."};
}

ContainerCommand InContainer(std::string title, const char* script, std::vector<std::string> words,
                             const std::string& backup_name) {
  ContainerCommand command;
  command.title = std::move(title);
  command.command.argv = {"/bin/sh", "-c", script, "redis"};
  command.command.argv.insert(command.command.argv.end(), words.begin(), words.end());
  command.command.env = {"LC_ALL=C", "PATH=/usr/bin:/bin"};
  command.command.working_directory = "/";
  command.explain = [backup_name](std::string_view output) { return ExplainCheck(backup_name, output); };
  return command;
}

Placement PlaceSnapshot(const Paths& paths, const std::string& name, const Packing& packing) {
  const std::string file = paths.data_directory + "/" + kRestoreFile;
  Placement placement;
  placement.source = PassOnBackup(name, packing);
  placement.sink = InContainer("placing " + name, kPlaceScript, {file}, name);
  placement.afterwards.push_back(InContainer(
      "checking " + name, kCheckScript, {paths.engine_root + "/bin", paths.socket_directory, file}, name));
  return placement;
}

class Snapshot final : public RecognisedBackup {
 public:
  Snapshot(std::string name, RdbHeader header, Packing packing)
      : name_(std::move(name)), header_(std::move(header)), packing_(std::move(packing)) {}

  bool IsPlaced() const override { return true; }
  Result<RestorePlan> Plan(const Installation& installation, const RestoreTarget& target) const override {
    TRY(CheckVersion(installation, name_, header_));
    RestorePlan plan;
    plan.placements.push_back(PlaceSnapshot(target.paths, name_, packing_));
    return plan;
  }

 private:
  const std::string name_;
  const RdbHeader header_;
  const Packing packing_;
};

class Script final : public RecognisedBackup {
 public:
  Script(std::string name, Packing packing) : name_(std::move(name)), packing_(std::move(packing)) {}

  Result<RestorePlan> Plan(const Installation& installation, const RestoreTarget& target) const override {
    TRY_ASSIGN(RestoreStep step, ScriptStep(installation, target, name_, packing_));
    RestorePlan plan;
    plan.steps.push_back(std::move(step));
    return plan;
  }

 private:
  const std::string name_;
  const Packing packing_;
};

}  // namespace

/// A snapshot (.rdb) is placed in the data directory, checked there by the server's own checker, and becomes
/// the data set at the start that follows (launch.cc). A script of commands goes to redis-cli. what
/// they are packed in is unpacked on the way.
Result<std::unique_ptr<RecognisedBackup>> RedisEngine::Recognise(const RestoreRequest& request) const {
  if (request.folder != nullptr) {
    return Fail(ErrorCode::kInvalidArgument, "'" + request.backup_name + "' is a folder",
                "A backup of Redis is one file: a snapshot (.rdb).");
  }
  TRY_ASSIGN(const BackupHead head,
             ReadBackupHead(request.backup_fd, request.backup_name, TarFile::kIsPacking));
  const auto header = ReadRdbHeader(head.bytes);
  if (header && !request.is_script) {
    // A packed snapshot is checked later, when it has been unpacked.
    if (!head.packing.IsPacked()) TRY(CheckWhole(request, *header));
    return std::make_unique<Snapshot>(request.backup_name, *header, head.packing);
  }
  if (!LooksLikeText(head.bytes)) {
    return Fail(
        ErrorCode::kInvalidArgument, "'" + request.backup_name + "' is no backup of Redis",
        "A backup is a snapshot (.rdb, which begins with REDIS) or a script of commands, one a line.");
  }
  return std::make_unique<Script>(request.backup_name, head.packing);
}

}  // namespace spawnd::engines::redis
