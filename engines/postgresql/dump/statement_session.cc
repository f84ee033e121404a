#include "engines/postgresql/dump/statement_session.h"

namespace spawnd::engines::postgresql {

StatementSession::StatementSession(const std::string& name, const std::vector<std::string>& warnings)
    : name_(name), warnings_(name) {
  for (const std::string& warning : warnings) warnings_.Add(warning);
}

Result<std::string> StatementSession::FilterInput(std::string_view /*bytes*/, bool /*last*/) {
  return std::string();
}

Result<void> StatementSession::OnToolMessage(std::string_view line) {
  constexpr std::string_view kWarning = "WARNING:  ";
  if (line.starts_with(kWarning)) warnings_.Add(std::string(line.substr(kWarning.size())));
  const bool error =
      line.starts_with("ERROR:  ") || line.starts_with("FATAL:  ") || line.starts_with("psql: ");
  if (error && error_.empty()) error_ = line;
  return {};
}

Result<void> StatementSession::OnToolExit(int exit_code) {
  if (exit_code == 0) return {};
  return Fail(error_.starts_with("ERROR") ? ErrorCode::kInvalidArgument : ErrorCode::kUnavailable,
              "'" + name_ + "': " +
                  (error_.empty() ? "psql ended with exit code " + std::to_string(exit_code) : error_));
}

}  // namespace spawnd::engines::postgresql
