#include "engines/mysql_family/explain_exit.h"

#include <array>
#include <string>
#include <vector>

namespace spawnd::engines::mysql_family {
namespace {

struct Cause {
  std::string_view words;  ///< in the log
  ErrorCode code;
  std::string_view hint;
};

/// In this order: what stands higher is the cause of what stands lower when a log has both.
constexpr std::array<Cause, 12> kCauses{{
    {"No space left on device", ErrorCode::kNoSpace, "Make room on the disk of the state directory."},
    {"Disk quota exceeded", ErrorCode::kNoSpace, "Make room on the disk of the state directory."},
    {"error while loading shared libraries", ErrorCode::kUnsupported, "The installation is not complete."},
    {"Upgrade after a crash is not supported", ErrorCode::kUnsupported,
     "Install the version that the data was made with."},
    {"Invalid flags", ErrorCode::kUnsupported, "Install the version that the data was made with."},
    {"Unsupported redo log format", ErrorCode::kUnsupported,
     "Install the version that the data was made with."},
    {"unknown option", ErrorCode::kUnsupported, ""},
    {"unknown variable", ErrorCode::kUnsupported, ""},
    {"Cannot allocate memory", ErrorCode::kUnavailable, "Free memory."},
    {"Database page corruption", ErrorCode::kCorrupt, ""},
    {"corrupt", ErrorCode::kCorrupt, ""},
    {"Input/output error", ErrorCode::kIo, ""},
}};

std::vector<std::string_view> LinesOf(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    if (end != 0) lines.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

/// Without time, thread, severity and the like: what follows the last "] " of the brackets in front.
std::string WithoutPrefix(std::string_view line) {
  for (const std::string_view severity : {"[ERROR] ", "[Warning] ", "[Note] "}) {
    const size_t at = line.find(severity);
    if (at == std::string_view::npos) continue;
    line.remove_prefix(at + severity.size());
    while (line.substr(0, 1) == "[" && line.find("] ") != std::string_view::npos) {
      line.remove_prefix(line.find("] ") + 2);
    }
    break;
  }
  return std::string(line);
}

Error PortInUse(const Endpoint& endpoint) {
  const std::string port = std::to_string(endpoint.port);
  return {ErrorCode::kInUse, "port " + port + " of " + endpoint.host + " is in use by another program",
          "See which one with `ss -ltnp sport = :" + port + "`; stop it, or give spawnd other ports."};
}

/// The first line that holds `words`, which is the cause of the others; lines.size() when none does.
size_t FirstWith(const std::vector<std::string_view>& lines, std::string_view words) {
  for (size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].find(words) != std::string_view::npos) return i;
  }
  return lines.size();
}

}  // namespace

Error ExplainServerExit(std::string_view log_tail, const Endpoint& endpoint) {
  const std::vector<std::string_view> lines = LinesOf(log_tail);
  const size_t bind = FirstWith(lines, "Bind on TCP/IP port");
  if (bind < lines.size()) {
    const bool taken = lines[bind].find("in use") != std::string_view::npos;
    if (taken) return PortInUse(endpoint);
    return {ErrorCode::kInvalidArgument,
            "the server cannot listen on " + endpoint.host + ": " + WithoutPrefix(lines[bind]),
            "Use an address of this machine."};
  }
  for (const Cause& cause : kCauses) {
    const size_t at = FirstWith(lines, cause.words);
    if (at == lines.size()) continue;
    return {cause.code, "the server ended: " + WithoutPrefix(lines[at]), std::string(cause.hint)};
  }
  const size_t error = FirstWith(lines, "[ERROR]");
  if (error < lines.size()) {
    return {ErrorCode::kUnavailable, "the server ended: " + WithoutPrefix(lines[error])};
  }
  if (lines.empty()) return {ErrorCode::kUnavailable, "the server ended without a word"};
  return {ErrorCode::kUnavailable, "the server ended: " + WithoutPrefix(lines.back())};
}

}  // namespace spawnd::engines::mysql_family
