#include "engines/redis/explain_exit.h"

#include <array>
#include <string>
#include <vector>

#include "engines/redis/redis_engine.h"
#include "engines/server_log.h"

namespace spawnd::engines::redis {
namespace {

constexpr std::string_view kNewer =
    "Install a Redis or Valkey that is at least as new as the one that made the data.";

constexpr std::array<ExitCause, 21> kCauses{{
    {"No space left on device", ErrorCode::kNoSpace, "Make room on the disk of the state directory."},
    {"Disk quota exceeded", ErrorCode::kNoSpace, "Make room on the disk of the state directory."},
    {"Out Of Memory", ErrorCode::kUnavailable, "A Redis holds all of its data in memory: free some."},
    {"Can't handle RDB format version", ErrorCode::kUnsupported, kNewer},
    {"module data I can't load", ErrorCode::kUnsupported,
     "The data set needs a module that the server here does not have."},
    {"AUX field of module", ErrorCode::kUnsupported,
     "The data set needs a module that the server here does not have."},
    {"to handle more than", ErrorCode::kInvalidArgument,
     "More of them: `settings: {databases: ...}` in the image's YAML, or `--setting databases=...` of the "
     "container."},
    {"Unknown command", ErrorCode::kUnsupported, kNewer},
    {"the truncated file is not the last", ErrorCode::kCorrupt,
     "Of append-only files only the last may be cut: copy the folder again, or use its snapshot."},
    {"Invalid AOF manifest", ErrorCode::kInvalidArgument, ""},
    {"Found a non-monotonic sequence", ErrorCode::kInvalidArgument, ""},
    {"Wrong signature trying to load DB", ErrorCode::kUnsupported, kNewer},
    {"Unknown RDB encoding type", ErrorCode::kUnsupported, kNewer},
    {"Wrong RDB checksum", ErrorCode::kCorrupt,
     "Copy or make the backup again; `redis-check-rdb` checks a file."},
    {"Unexpected EOF reading RDB file", ErrorCode::kCorrupt,
     "Copy or make the backup again; `redis-check-rdb` checks a file."},
    {"Internal error in RDB reading", ErrorCode::kCorrupt,
     "Copy or make the backup again; `redis-check-rdb` checks a file."},
    {"Bad file format reading the append only file", ErrorCode::kCorrupt,
     "A length in it is wrong, or something stands between its commands: `redis-check-aof` says where."},
    {"Input/output error", ErrorCode::kIo, ""},
    {"Unrecoverable error reading the append only file", ErrorCode::kCorrupt, ""},
    {"error while loading shared libraries", ErrorCode::kUnsupported, "The installation is not complete."},
    {"Can't open the append-only file", ErrorCode::kIo, ""},
}};

/// "14182:M 25 Nov 2026 18:58:43.004 # Server ..." without what stands before the words.
std::string Words(std::string_view line) {
  for (const std::string_view level : {" # ", " * ", " - ", " . "}) {
    const size_t at = line.find(level);
    if (at != std::string_view::npos && at < 48) return std::string(line.substr(at + level.size()));
  }
  return std::string(line);
}

}  // namespace

Error RedisEngine::ExplainExit(std::string_view log_tail, const Endpoint& endpoint) const {
  const std::vector<std::string_view> lines = LogLines(log_tail);
  if (LastLineWith(lines, "Address already in use") < lines.size()) return PortInUse(endpoint);
  const size_t socket = LastLineWith(lines, "Could not create server TCP listening socket");
  if (socket < lines.size()) {
    return {ErrorCode::kInvalidArgument,
            "the server cannot listen on " + endpoint.host + ": " + Words(lines[socket]),
            "Use an address of this machine."};
  }
  return ExplainLog(log_tail);
}

Error ExplainLog(std::string_view log_tail) {
  const std::vector<std::string_view> lines = LogLines(log_tail);
  // "*** FATAL CONFIG FILE ERROR", then where, ">>> 'maxmemory x'", and why.
  const size_t setting = LastLineWith(lines, ">>> '");
  if (setting + 1 < lines.size() && LastLineWith(lines, "FATAL CONFIG FILE ERROR") < setting) {
    return {ErrorCode::kInvalidArgument,
            "the server ended: it does not take the setting " + std::string(lines[setting].substr(4)) + ": " +
                std::string(lines[setting + 1]),
            "It is one of `settings`, or of the redis.conf in the data."};
  }
  for (const ExitCause& cause : kCauses) {
    const size_t at = LastLineWith(lines, cause.words);
    if (at < lines.size())
      return {cause.code, "the server ended: " + Words(lines[at]), std::string(cause.hint)};
  }
  if (lines.empty()) return {ErrorCode::kUnavailable, "the server ended without a word"};
  // What it says in passing (" * ") is no reason: it was killed.
  if (lines.back().find(" * ") != std::string_view::npos) {
    return {ErrorCode::kUnavailable, "the server ended without saying why",
            "The kernel kills processes when memory runs out; `dmesg` tells."};
  }
  return {ErrorCode::kUnavailable, "the server ended: " + Words(lines.back())};
}

}  // namespace spawnd::engines::redis
