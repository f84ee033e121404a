#include "engines/redis/restore_plan.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>

#include "engines/dump_reader.h"
#include "engines/redis/credentials.h"
#include "engines/redis/rdb_header.h"
#include "engines/redis/script_session.h"

namespace spawnd::engines::redis {
namespace {

/// Enough for any header, also unpacked from gzip.
constexpr size_t kHeadBytes = 4096;

struct BackupHead {
  bool gzip = false;
  std::string bytes;  ///< unpacked
};

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

Result<BackupHead> ReadHead(const RestoreRequest& request) {
  BackupHead head;
  TRY_ASSIGN(head.bytes, ReadAt(request.backup_fd, 0, kHeadBytes, request.backup_name));
  head.gzip = IsGzip(head.bytes);
  if (head.gzip) {
    DumpReader reader(request.backup_name, true);
    TRY_ASSIGN(head.bytes, reader.Read(head.bytes, false));
  }
  return head;
}

/// What can be known before the server is asked: a version that it cannot read, and a file that was cut.
Result<void> CheckSnapshot(const Installation& installation, const RestoreRequest& request,
                           const RdbHeader& header, bool gzip) {
  const int newest = NewestRdbOf(installation.version);
  if (newest != 0 && header.version > newest) {
    const std::string by = header.server_version.empty() ? "" : ", written by " + header.server_version;
    return Fail(ErrorCode::kUnsupported,
                "backup '" + request.backup_name + "' has RDB format " + std::to_string(header.version) + by +
                    "; Redis " + installation.version + " reads up to " + std::to_string(newest),
                "Install a Redis or Valkey that is at least as new as the one that made the backup.");
  }
  struct stat st {};
  if (gzip || ::fstat(request.backup_fd, &st) != 0) return {};
  const off_t from = std::max<off_t>(0, st.st_size - static_cast<off_t>(kRdbTrailerBytes));
  TRY_ASSIGN(const std::string tail, ReadAt(request.backup_fd, from, kRdbTrailerBytes, request.backup_name));
  if (EndsWhole(header, tail)) return {};
  return Fail(ErrorCode::kInvalidArgument,
              "backup '" + request.backup_name + "' is truncated: its end is missing",
              "Copy or make the backup again; `redis-check-rdb` checks a file.");
}

bool LooksLikeText(std::string_view bytes) {
  return std::none_of(bytes.begin(), bytes.end(), [](unsigned char c) {
    return c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != '\v';
  });
}

/// The client that belongs to the server, else one in the usual places.
Result<std::string> FindClient(const Installation& installation) {
  for (const std::string& folder :
       {installation.root + "/bin", std::string("/usr/bin"), std::string("/usr/local/bin")}) {
    for (const char* name : {"/redis-cli", "/valkey-cli"}) {
      if (::access((folder + name).c_str(), X_OK) == 0) return folder + name;
    }
  }
  return Fail(ErrorCode::kUnsupported, "redis-cli, which runs scripts, is not installed",
              "Install it with `apt install redis-tools`.");
}

Result<RestoreStep> ScriptStep(const Installation& installation, const RestoreRequest& request, bool gzip) {
  TRY_ASSIGN(const std::string client, FindClient(installation));
  RestoreStep step;
  step.title = "running " + request.backup_name;
  // Answers come on standard output, and are what the session goes by. --no-raw: as on a terminal, where an
  // error cannot be mistaken for a value.
  step.command.argv = {"/bin/sh",
                       "-c",
                       R"(exec "$@" >&2)",
                       "redis",
                       client,
                       "-h",
                       request.endpoint.host,
                       "-p",
                       std::to_string(request.endpoint.port),
                       "-n",
                       IsDatabaseNumber(request.database) ? request.database : "0",
                       "--no-raw"};
  step.command.env = {"LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin", "HOME=/nonexistent",
                      "REDISCLI_AUTH=" + request.credentials.password};
  step.command.working_directory = "/";
  step.session = std::make_unique<ScriptSession>(request.backup_name, gzip);
  return step;
}

}  // namespace

Result<RestorePlan> PlanRestoreOf(const Installation& installation, const RestoreRequest& request) {
  if (request.folder != nullptr) return Fail(FolderRefused(request));
  TRY_ASSIGN(const BackupHead head, ReadHead(request));
  RestorePlan plan;
  if (const auto header = ReadRdbHeader(head.bytes)) {
    TRY(CheckSnapshot(installation, request, *header, head.gzip));
    return Fail(ErrorCode::kUnsupported, "not yet");
  }
  if (!LooksLikeText(head.bytes)) {
    return Fail(
        ErrorCode::kInvalidArgument, "'" + request.backup_name + "' is no backup of Redis",
        "A backup is a snapshot (.rdb, which begins with REDIS) or a script of commands, one a line; gzip of "
        "either.");
  }
  TRY_ASSIGN(RestoreStep step, ScriptStep(installation, request, head.gzip));
  plan.steps.push_back(std::move(step));
  return plan;
}

}  // namespace spawnd::engines::redis
