#include "engines/mysql_family/restore_session.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "engines/mysql_family/session.h"

namespace spawnd::engines::mysql_family {
namespace {

ErrorCode CodeOf(unsigned number) {
  switch (number) {
    case 1021:  // ER_DISK_FULL
    case 1114:  // ER_RECORD_FILE_FULL
      return ErrorCode::kNoSpace;
    case 1053:  // ER_SERVER_SHUTDOWN: it answers while it ends
    case 1927:  // ER_CONNECTION_KILLED of MariaDB: it ends its connections first
    case 3169:  // ER_SESSION_WAS_KILLED, MySQL's
    case 2002:  // CR_CONNECTION_ERROR and its like: the server went away
    case 2003:
    case 2006:
    case 2013:
    case 2026:  // its TLS connection did
      return ErrorCode::kUnavailable;
    default:
      return ErrorCode::kInvalidArgument;
  }
}

std::string HintOf(unsigned number) {
  if (CodeOf(number) == ErrorCode::kUnavailable) {
    return "The server has ended or closed the connection: by SHUTDOWN, in a routine and by PREPARE, too, or "
           "by itself.";
  }
  if (number == 1046) return "Name the database that it goes into: `initialDatabaseName: NAME`.";
  if (number == 1153 || number == 1301)
    return "A row of it is larger than the server takes in one packet, 1 GiB.";
  if (number == 1118 || number == 1071) {
    return "Tables of older servers may be wider than this one takes: `settings: {innodb_strict_mode: "
           "\"OFF\"}`.";
  }
  if (number == 1146) {
    return "Names that differ in their case only are one on Windows and macOS: `settings: "
           "{lower_case_table_names: 1}`.";
  }
  return {};
}

/// What a server says of statements that another product or a newer version wrote.
bool MayBeOfAnotherServer(unsigned number) {
  constexpr std::array<unsigned, 21> kNumbers{
      1064,  // syntax
      1067,  // invalid default
      1101,  // BLOB can't have a default value
      1115,  // unknown character set
      1193,  // unknown system variable
      1231,  // a variable's value
      1253,  // collation of another character set
      1273,  // unknown collation
      1286,  // unknown storage engine
      1289,  // feature is disabled
      1305,  // function does not exist
      1370,  // routine
      1524,  // plugin is not loaded
      1564,  // this partition function
      1901,  // expression of a generated column
      1911,  // unknown option
      3567,  // as 1193 of MySQL
      3654,  // prefixes
      4031,  // referenced table
      4161,  // unknown data type
      1630,  // function does not exist, with a blank
  };
  return std::find(kNumbers.begin(), kNumbers.end(), number) != kNumbers.end();
}

DumpFilter::Options Telling(DumpFilter::Options options, ErrorPolicy& policy) {
  options.passed = [&policy](const Statement& statement) { policy.Passed(statement); };
  return options;
}

}  // namespace

DumpSession::DumpSession(Options options)
    : name_(options.filter.name),
      before_(std::move(options.before)),
      credentials_(std::move(options.credentials)),
      difference_(std::move(options.difference)),
      difference_hint_(std::move(options.difference_hint)),
      warnings_(name_),
      policy_(options.filter.parts),
      filter_(Telling(std::move(options.filter), policy_), warnings_) {}

Result<std::string> DumpSession::FilterInput(std::string_view bytes, bool last) {
  TRY_ASSIGN(std::string filtered, filter_.Filter(bytes, last));
  if (filtered.empty() && !last) return filtered;
  // On a line of its own only where it must be, so that lines keep their numbers.
  if (!before_.empty() && StartsInAnyCase(filtered, "delimiter")) {
    before_ += '\n';
    lines_before_ = 1;
  }
  std::string text = std::exchange(before_, {}) + std::move(filtered);
  if (last) {
    text += filter_.ClosingCheck();
    closing_line_ = filter_.ClosingLine();
  }
  if (!last || (!filter_.TouchesSystemTables() && !filter_.TouchesAccounts())) return text;
  // This connection keeps its rights until it ends; the next one needs the accounts as they should be.
  text += "\nFLUSH PRIVILEGES;\n";
  for (const std::string& statement : LoginStatements(credentials_)) text += statement + ";\n";
  // The server would prefer these.
  for (const char* host : {"127.0.0.1", "::1"})
    text += "DROP USER IF EXISTS '" + credentials_.user + "'@'" + host + "';\n";
  return text;
}

Result<void> DumpSession::OnToolMessage(std::string_view line) {
  if (line.substr(0, 5) != "ERROR") return {};
  ClientError error = ParseClientError(line);
  error.line -= std::min(error.line, lines_before_);
  if (error.number == TransactionWatch::kOpenError && closing_line_ > 0 && error.line >= closing_line_) {
    return Fail(filter_.OpenTransaction());
  }
  if (policy_.PassesOver(error)) {
    ++passed_over_;
    warnings_.Add("passed over error " + std::to_string(error.number) + ": " + error.text, error.line);
    return {};
  }
  std::string left_out = policy_.LeavesOutView(error);
  if (!left_out.empty()) {
    ++passed_over_;
    warnings_.Add(std::move(left_out), error.line);
    return {};
  }
  const std::string place = error.line == 0 ? "" : "line " + std::to_string(error.line) + " of ";
  const bool other = !difference_.empty() && MayBeOfAnotherServer(error.number);
  const std::string of_parts = policy_.HintOf(error);
  return Fail(CodeOf(error.number),
              place + "'" + name_ + "': " + error.text + (other ? "; " + difference_ : ""),
              other              ? difference_hint_
              : of_parts.empty() ? HintOf(error.number)
                                 : of_parts);
}

Result<void> DumpSession::OnToolExit(int exit_code) {
  if (exit_code == 0 || passed_over_ > 0) return {};
  return Fail(ErrorCode::kUnavailable, "'" + name_ + "': the client program ended with exit code " +
                                           std::to_string(exit_code) + " and did not say why");
}

}  // namespace spawnd::engines::mysql_family
