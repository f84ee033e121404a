#include "engines/mssql/tool_session.h"

#include <unistd.h>

namespace spawnd::engines::mssql {

Result<void> ToolSession::OnToolMessage(std::string_view line) {
  constexpr std::string_view kError = "error ";
  constexpr std::string_view kHint = "hint ";
  if (line.substr(0, kError.size()) == kError) {
    line.remove_prefix(kError.size());
    const size_t space = line.find(' ');
    const std::string text(space == std::string_view::npos ? "" : line.substr(space + 1));
    error_ = Error(ErrorCodeFromName(line.substr(0, space)), name_ + ": " + text);
  } else if (error_ && line.substr(0, kHint.size()) == kHint) {
    error_->hint = line.substr(kHint.size());
  }
  return {};
}

Result<void> ToolSession::OnToolExit(int exit_code) {
  if (error_) return Fail(*error_);
  if (exit_code == 0) return {};
  return Fail(ErrorCode::kUnavailable, name_ + ": spawnd-tsql ended with exit code " +
                                           std::to_string(exit_code) + " without saying why");
}

Result<std::string> FindTool(const std::string& running) {
  const std::string folder = running.substr(0, running.rfind('/'));
  for (const char* place : {"/spawnd-tsql", "/../engines/spawnd-tsql", "/../../../engines/spawnd-tsql",
                            "/../libexec/spawnd/spawnd-tsql"}) {
    if (::access((folder + place).c_str(), X_OK) == 0) return folder + place;
  }
  return Fail(ErrorCode::kInternal, "spawnd-tsql is not installed beside '" + running + "'",
              "It is part of spawnd; install that again.");
}

}  // namespace spawnd::engines::mssql
