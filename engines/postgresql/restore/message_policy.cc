#include "engines/postgresql/restore/message_policy.h"

#include <algorithm>
#include <array>

namespace spawnd::engines::postgresql {
namespace {

/// Settings that pg_dump writes at the top whether or not the dump needs them, by the version that brought
/// them: lock_timeout 9.3, row_security 9.5, idle_in_transaction_session_timeout 9.6,
/// default_table_access_method 12, transaction_timeout 17. default_with_oids went in 12.
constexpr std::array<std::string_view, 6> kDumpSettings{"lock_timeout",
                                                        "row_security",
                                                        "idle_in_transaction_session_timeout",
                                                        "default_table_access_method",
                                                        "transaction_timeout",
                                                        "default_with_oids"};

bool BeginsWith(std::string_view text, std::string_view part) {
  return text.substr(0, part.size()) == part;
}
bool EndsWith(std::string_view text, std::string_view part) {
  return text.size() >= part.size() && text.substr(text.size() - part.size()) == part;
}

bool IsMissingRole(std::string_view text) {
  return BeginsWith(text, "role \"") && EndsWith(text, "\" does not exist");
}

bool IsDumpSetting(std::string_view text) {
  // A tablespace is a folder of another machine; everything goes to the default one.
  if (BeginsWith(text, "invalid value for parameter \"default_tablespace\"")) return true;
  return std::any_of(kDumpSettings.begin(), kDumpSettings.end(), [&](std::string_view name) {
    return text == "unrecognized configuration parameter \"" + std::string(name) + "\"";
  });
}

bool IsNothingToClean(std::string_view text) {
  return EndsWith(text, "does not exist") || text == "cannot drop the currently open database" ||
         text == "cannot drop a template database" || text == "current user cannot be dropped" ||
         BeginsWith(text, "cannot drop role ");
}

ErrorCode CodeFor(const ToolError& error) {
  const std::string_view group = std::string_view(error.sqlstate).substr(0, 2);
  if (error.sqlstate == "53100" || error.text.find("No space left on device") != std::string::npos) {
    return ErrorCode::kNoSpace;
  }
  if (group == "57" || group == "08" ||
      error.text.find("server closed the connection") != std::string::npos ||
      error.text.find("connection to server") != std::string::npos) {
    return ErrorCode::kUnavailable;
  }
  if (group == "58" || group == "XX") return ErrorCode::kIo;
  return ErrorCode::kInvalidArgument;
}

}  // namespace

MessagePolicy::MessagePolicy(std::string backup, std::string database, std::string user,
                             RestoreWarnings& warnings)
    : backup_(std::move(backup)),
      database_(std::move(database)),
      user_(std::move(user)),
      warnings_(warnings) {}

bool MessagePolicy::Tolerates(const ToolError& error, bool cleaning) {
  if (error.severity != "ERROR") return false;
  const auto exists = [&](std::string_view kind, std::string_view name) {
    return !name.empty() && error.text == std::string(kind) + " \"" + std::string(name) + "\" already exists";
  };
  const bool tolerated =
      IsMissingRole(error.text) || IsDumpSetting(error.text) || (cleaning && IsNothingToClean(error.text)) ||
      exists("schema", "public") || exists("extension", "plpgsql") || exists("language", "plpgsql") ||
      exists("role", "postgres") || exists("role", user_) || exists("database", "postgres") ||
      exists("database", "template1") || exists("database", database_) || exists("database", user_);
  if (!tolerated) return false;
  last_tolerated_ = PlaceIn(backup_, error.line) + ": " + error.text;
  warnings_.Add(error.text + "; passed over", error.line);
  return true;
}

Error MessagePolicy::Explain(const ToolError& error) const {
  std::string message = PlaceIn(backup_, error.line) + ": ";
  if (!error.severity.empty()) message += error.severity + ": ";
  message += error.text;
  if (!error.detail.empty()) message += "; " + error.detail;
  if (!error.context.empty()) message += " (" + error.context + ")";
  // "current transaction is aborted" is the echo of an error that was passed over inside the backup's
  // transaction.
  if (error.sqlstate == "25P02" && !last_tolerated_.empty()) message += ", because of " + last_tolerated_;
  return {CodeFor(error), message, error.hint};
}

}  // namespace spawnd::engines::postgresql
