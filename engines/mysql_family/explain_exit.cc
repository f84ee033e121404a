#include <array>
#include <string>
#include <vector>

#include "engines/mysql_family/family_engine.h"
#include "engines/server_log.h"

namespace spawnd::engines::mysql_family {
namespace {

constexpr std::array<ExitCause, 17> kCauses{{
    {"No space left on device", ErrorCode::kNoSpace, "Make room on the disk of the state directory."},
    {"Disk quota exceeded", ErrorCode::kNoSpace, "Make room on the disk of the state directory."},
    {"error while loading shared libraries", ErrorCode::kUnsupported, "The installation is not complete."},
    {"Upgrade after a crash is not supported", ErrorCode::kUnsupported,
     "Install the version that the data was made with."},
    {"Invalid flags", ErrorCode::kUnsupported, "Install the version that the data was made with."},
    {"Unsupported redo log format", ErrorCode::kUnsupported,
     "Install the version that the data was made with."},
    {"unknown option", ErrorCode::kInvalidArgument, "Is it a setting of the image or of the container?"},
    {"unknown variable", ErrorCode::kInvalidArgument, "Is it a setting of the image or of the container?"},
    {"Unknown suffix", ErrorCode::kInvalidArgument,
     "It is the value of a setting of the image or of the container."},
    {"Different lower_case_table_names settings", ErrorCode::kInvalidArgument,
     "The files of an image are made with it: give it under `settings:` of the image."},
    {"io_setup() failed", ErrorCode::kUnavailable, "Raise fs.aio-max-nr: sysctl -w fs.aio-max-nr=1048576."},
    {"io_uring_queue_init() failed", ErrorCode::kUnavailable,
     "Leave innodb_use_native_aio out, or: sysctl -w kernel.io_uring_disabled=0."},
    {"Error while setting value", ErrorCode::kInvalidArgument,
     "It is the value of a setting of the image or of the container."},
    {"Cannot allocate memory", ErrorCode::kUnavailable, "Free memory."},
    {"Database page corruption", ErrorCode::kCorrupt, ""},
    {"corrupt", ErrorCode::kCorrupt, ""},
    {"Input/output error", ErrorCode::kIo, ""},
}};

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

}  // namespace

Error FamilyEngine::ExplainExit(std::string_view log_tail, const Endpoint& endpoint) const {
  std::vector<std::string_view> lines = LogLines(log_tail);
  // What may be unknown is no reason to end.
  std::erase_if(lines,
                [](std::string_view line) { return line.find("'--loose-") != std::string_view::npos; });
  const size_t bind = FirstLineWith(lines, "Bind on TCP/IP port");
  if (bind < lines.size()) {
    const bool taken = lines[bind].find("in use") != std::string_view::npos;
    if (taken) return PortInUse(endpoint);
    return {ErrorCode::kInvalidArgument,
            "the server cannot listen on " + endpoint.host + ": " + WithoutPrefix(lines[bind]),
            "Use an address of this machine."};
  }
  for (const ExitCause& cause : kCauses) {
    const size_t at = FirstLineWith(lines, cause.words);
    if (at == lines.size()) continue;
    return {cause.code, "the server ended: " + WithoutPrefix(lines[at]), std::string(cause.hint)};
  }
  const size_t error = FirstLineWith(lines, "[ERROR]");
  if (error < lines.size()) {
    return {ErrorCode::kUnavailable, "the server ended: " + WithoutPrefix(lines[error])};
  }
  if (lines.empty()) return {ErrorCode::kUnavailable, "the server ended without a word"};
  return {ErrorCode::kUnavailable, "the server ended: " + WithoutPrefix(lines.back())};
}

}  // namespace spawnd::engines::mysql_family
