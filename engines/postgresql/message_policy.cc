#include "engines/postgresql/message_policy.h"

#include <algorithm>
#include <array>

namespace spawnd::engines::postgresql {
namespace {

/// Of either list; a backup of a million objects must not fill memory with what it says.
constexpr size_t kMaxWarnings = 200;

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

MessagePolicy::MessagePolicy(std::string database, std::string user)
    : database_(std::move(database)), user_(std::move(user)) {}

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
  last_tolerated_ = error.place + ": " + error.text;
  if (tolerated_.count(error.text) == 0 && tolerated_.size() >= kMaxWarnings) return true;
  Passed& passed = tolerated_[error.text];
  if (++passed.times == 1) passed.first_place = error.place;
  return true;
}

Error MessagePolicy::Explain(const ToolError& error) const {
  std::string message = error.place + ": ";
  if (!error.severity.empty()) message += error.severity + ": ";
  message += error.text;
  if (!error.detail.empty()) message += "; " + error.detail;
  if (!error.context.empty()) message += " (" + error.context + ")";
  // "current transaction is aborted" is the echo of an error that was passed over inside the backup's
  // transaction.
  if (error.sqlstate == "25P02" && !last_tolerated_.empty()) message += ", because of " + last_tolerated_;
  return {CodeFor(error), message, error.hint};
}

void MessagePolicy::AddWarning(std::string text) {
  if (warnings_.size() < kMaxWarnings) warnings_.push_back(std::move(text));
}

std::vector<std::string> MessagePolicy::Warnings() const {
  std::vector<std::string> all = warnings_;
  for (const auto& [text, passed] : tolerated_) {
    std::string line = passed.first_place + ": " + text + "; passed over";
    if (passed.times > 1) line += " (" + std::to_string(passed.times) + " times, this is the first)";
    all.push_back(std::move(line));
  }
  return all;
}

}  // namespace spawnd::engines::postgresql
