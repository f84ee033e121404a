#include <array>
#include <string>

#include "engines/mssql/mssql_engine.h"
#include "engines/server_log.h"

namespace spawnd::engines::mssql {
namespace {

constexpr std::array<ExitCause, 11> kCauses{{
    {"EULA", ErrorCode::kUnsupported, "Read the licence, then set acceptMssqlEula: true in spawnd.yaml."},
    {"at least 2000 megabytes of memory", ErrorCode::kUnsupported,
     "SQL Server needs 2 GB of memory for each server."},
    {"There is not enough space on the disk", ErrorCode::kNoSpace,
     "Make room on the disk of the state directory."},
    {"No space left on device", ErrorCode::kNoSpace, "Make room on the disk of the state directory."},
    {"cannot be opened because it is version", ErrorCode::kUnsupported,
     "Install the SQL Server that the data was made with, or a newer one."},
    {"Access is denied", ErrorCode::kIo, ""},
    {"error while loading shared libraries", ErrorCode::kUnsupported,
     "The installation is not complete; Microsoft's package names the libraries that it needs."},
    {"Setup FAILED", ErrorCode::kInternal, ""},
    {"password validation failed", ErrorCode::kInternal, ""},
    {"Unable to set system administrator password", ErrorCode::kInternal, ""},
    {"insufficient system memory", ErrorCode::kUnavailable, "Free memory: each server takes 2 GB."},
}};

/// The last line that holds `words`; empty when none does.
std::string_view LineWith(std::string_view log, std::string_view words) {
  const size_t at = log.rfind(words);
  if (at == std::string_view::npos) return {};
  const size_t start = log.rfind('\n', at);
  const size_t from = start == std::string_view::npos ? 0 : start + 1;
  return log.substr(from, log.find('\n', at) - from);
}

std::string_view LastLine(std::string_view log) {
  while (!log.empty() && (log.back() == '\n' || log.back() == '\r')) log.remove_suffix(1);
  const size_t start = log.rfind('\n');
  return start == std::string_view::npos ? log : log.substr(start + 1);
}

}  // namespace

Error MssqlEngine::ExplainExit(std::string_view log_tail, const Endpoint& endpoint) const {
  // 26023: "Server TCP provider failed to listen on [ 127.0.0.1 <ipv4> 1433]. Tcp port is already in use."
  if (log_tail.find("already in use") != std::string_view::npos ||
      log_tail.find("failed to listen on") != std::string_view::npos) {
    return PortInUse(endpoint);
  }
  for (const ExitCause& cause : kCauses) {
    const std::string_view line = LineWith(log_tail, cause.words);
    if (!line.empty()) return {cause.code, "the server ended: " + std::string(line), std::string(cause.hint)};
  }
  const std::string_view last = LastLine(log_tail);
  if (last.empty()) return {ErrorCode::kUnavailable, "the server ended without a word"};
  return {ErrorCode::kUnavailable, "the server ended: " + std::string(last)};
}

}  // namespace spawnd::engines::mssql
