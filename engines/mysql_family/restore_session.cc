#include "engines/mysql_family/restore_session.h"

#include <cctype>
#include <utility>

#include "engines/mysql_family/session.h"

namespace spawnd::engines::mysql_family {
namespace {

/// "ERROR 1064 (42000) at line 3: You have an error in ..."
struct ClientError {
  unsigned number = 0;
  std::string line;  ///< empty: none
  std::string text;
};

ClientError ParseClientError(std::string_view said) {
  ClientError error;
  const size_t colon = said.find(": ");
  error.text = colon == std::string_view::npos ? said : said.substr(colon + 2);
  const std::string_view front = said.substr(0, colon);
  constexpr std::string_view kStart = "ERROR ";
  for (size_t i = kStart.size(); i < front.size() && std::isdigit(static_cast<unsigned char>(front[i])) != 0;
       ++i) {
    error.number = error.number * 10 + static_cast<unsigned>(front[i] - '0');
  }
  constexpr std::string_view kAtLine = " at line ";
  const size_t at = front.find(kAtLine);
  if (at != std::string_view::npos) error.line = front.substr(at + kAtLine.size());
  return error;
}

ErrorCode CodeOf(unsigned number) {
  switch (number) {
    case 1021:  // ER_DISK_FULL
    case 1114:  // ER_RECORD_FILE_FULL
      return ErrorCode::kNoSpace;
    case 2002:  // CR_CONNECTION_ERROR and its like: the server went away
    case 2003:
    case 2006:
    case 2013:
      return ErrorCode::kUnavailable;
    default:
      return ErrorCode::kInvalidArgument;
  }
}

std::string HintOf(unsigned number) {
  if (number == 1046) return "Name the database that it goes into: `initialDatabaseName: NAME`.";
  if (number == 1153 || number == 1301)
    return "A row of it is larger than the server takes in one packet, 1 GiB.";
  return {};
}

}  // namespace

DumpSession::DumpSession(Options options)
    : name_(options.filter.name),
      before_(std::move(options.before)),
      credentials_(std::move(options.credentials)),
      warnings_(name_),
      filter_(std::move(options.filter), warnings_) {}

Result<std::string> DumpSession::FilterInput(std::string_view bytes, bool last) {
  TRY_ASSIGN(std::string filtered, filter_.Filter(bytes, last));
  std::string text = std::exchange(before_, {}) + std::move(filtered);
  if (!last || !filter_.TouchesSystemTables()) return text;
  // This connection keeps its rights until it ends; the next one needs the accounts as they should be.
  text += "\nFLUSH PRIVILEGES;\n";
  for (const std::string& statement : LoginStatements(credentials_)) text += statement + ";\n";
  return text;
}

Result<void> DumpSession::OnToolMessage(std::string_view line) {
  if (line.substr(0, 5) != "ERROR") return {};
  const ClientError error = ParseClientError(line);
  const std::string place = error.line.empty() ? "" : "line " + error.line + " of ";
  return Fail(CodeOf(error.number), place + "'" + name_ + "': " + error.text, HintOf(error.number));
}

Result<void> DumpSession::OnToolExit(int exit_code) {
  if (exit_code == 0) return {};
  return Fail(ErrorCode::kUnavailable, "'" + name_ + "': the client program ended with exit code " +
                                           std::to_string(exit_code) + " and did not say why");
}

}  // namespace spawnd::engines::mysql_family
