#include <array>
#include <string>
#include <vector>

#include "engines/postgresql/postgresql_engine.h"
#include "engines/server_log.h"

namespace spawnd::engines::postgresql {
namespace {

constexpr std::string_view kOfSettings = "Where it comes from `settings` or `--setting`, correct it there.";

constexpr std::array<ExitCause, 20> kCauses{{
    {"No space left on device", ErrorCode::kNoSpace, "Make room on the disk of the state directory."},
    {"Disk quota exceeded", ErrorCode::kNoSpace, "Make room on the disk of the state directory."},
    {"database files are incompatible with server", ErrorCode::kUnsupported,
     "Install the version that the data was made with."},
    {"could not locate a valid checkpoint record", ErrorCode::kCorrupt, ""},
    {"could not locate required checkpoint record", ErrorCode::kCorrupt, ""},
    {"incorrect checksum in control file", ErrorCode::kCorrupt, ""},
    {"could not find the database system", ErrorCode::kCorrupt, ""},
    {"is not a valid data directory", ErrorCode::kCorrupt, ""},
    {"invalid page in block", ErrorCode::kCorrupt, ""},
    {"could not read file", ErrorCode::kCorrupt, ""},
    {"Input/output error", ErrorCode::kIo, ""},
    {"error while loading shared libraries", ErrorCode::kUnsupported,
     "The installation is not complete; of an npm package, run its install script, which makes the library "
     "links."},
    {"Cannot allocate memory", ErrorCode::kUnavailable, "Free memory, or lower shared_buffers."},
    {"could not create shared memory segment", ErrorCode::kUnavailable,
     "Free memory, or lower shared_buffers."},
    {"unrecognized configuration parameter", ErrorCode::kInvalidArgument, kOfSettings},
    {"invalid value for parameter", ErrorCode::kInvalidArgument, kOfSettings},
    {"contains errors", ErrorCode::kInvalidArgument, kOfSettings},
    {"could not access file", ErrorCode::kUnsupported,
     "A library that the settings preload is not installed here."},
    {"lock file \"postmaster.pid\" already exists", ErrorCode::kInUse, ""},
    {"was terminated by signal 9", ErrorCode::kUnavailable,
     "The kernel kills processes when memory runs out; `dmesg` tells."},
}};

/// The line from its severity on, without time and process: "FATAL:  could not ...".
std::string_view FromSeverity(std::string_view line) {
  for (const std::string_view severity : {"PANIC:  ", "FATAL:  ", "ERROR:  ", "LOG:  ", "WARNING:  "}) {
    const size_t at = line.find(severity);
    if (at != std::string_view::npos) return line.substr(at);
  }
  return line;
}

std::string WithoutSeverity(std::string_view line) {
  line = FromSeverity(line);
  const size_t colon = line.find(":  ");
  return std::string(colon == std::string_view::npos || colon > 8 ? line : line.substr(colon + 3));
}

/// "; " and the DETAIL line that follows `index`, if one does.
std::string DetailAfter(const std::vector<std::string_view>& lines, size_t index) {
  if (index + 1 >= lines.size()) return {};
  constexpr std::string_view kDetail = "DETAIL:  ";
  const size_t at = lines[index + 1].find(kDetail);
  return at == std::string_view::npos ? std::string()
                                      : "; " + std::string(lines[index + 1].substr(at + kDetail.size()));
}

}  // namespace

Error PostgresqlEngine::ExplainExit(std::string_view log_tail, const Endpoint& endpoint) const {
  const std::vector<std::string_view> lines = LogLines(log_tail);
  const size_t bind = LastLineWith(lines, "could not bind");
  if (bind < lines.size()) {
    if (lines[bind].find("Address already in use") != std::string_view::npos) return PortInUse(endpoint);
    return {ErrorCode::kInvalidArgument,
            "the server cannot listen on " + endpoint.host + ": " + WithoutSeverity(lines[bind]),
            "Use an address of this machine."};
  }
  for (const ExitCause& cause : kCauses) {
    const size_t at = LastLineWith(lines, cause.words);
    if (at == lines.size()) continue;
    return {cause.code, "the server ended: " + WithoutSeverity(lines[at]) + DetailAfter(lines, at),
            std::string(cause.hint)};
  }
  for (const std::string_view severity : {"PANIC:  ", "FATAL:  "}) {
    const size_t at = LastLineWith(lines, severity);
    if (at < lines.size()) {
      return {ErrorCode::kUnavailable,
              "the server ended: " + WithoutSeverity(lines[at]) + DetailAfter(lines, at)};
    }
  }
  if (lines.empty()) return {ErrorCode::kUnavailable, "the server ended without a word"};
  return {ErrorCode::kUnavailable, "the server ended: " + WithoutSeverity(lines.back())};
}

}  // namespace spawnd::engines::postgresql
