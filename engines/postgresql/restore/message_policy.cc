#include "engines/postgresql/restore/message_policy.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "engines/postgresql/detect.h"
#include "engines/postgresql/dump/role_statement.h"

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

/// The error of one of the many things that a statement does: passing it over would lose the others.
bool DoesMore(const std::string& plain) {
  constexpr std::array<std::string_view, 6> kFirst{"DO ", "CALL ", "COPY ", "INSERT ", "UPDATE ", "MERGE "};
  return std::any_of(kFirst.begin(), kFirst.end(),
                     [&](std::string_view first) { return plain.starts_with(first); }) ||
         plain.starts_with("DO$") || MakesSchemaWithElements(plain);
}

bool IsDumpSetting(std::string_view text) {
  // A tablespace is a folder of another machine; everything goes to the default one.
  if (BeginsWith(text, "invalid value for parameter \"default_tablespace\"")) return true;
  return std::any_of(kDumpSettings.begin(), kDumpSettings.end(), [&](std::string_view name) {
    return text == "unrecognized configuration parameter \"" + std::string(name) + "\"";
  });
}

/// What a server other than the backup's own says of objects that a managed service's roles own, and of
/// programs that it has and this one has not.
bool IsOfAnotherServer(const ToolError& error) {
  const std::string_view text = error.text;
  if (BeginsWith(text, "security label provider \"") && EndsWith(text, "\" is not loaded")) return true;
  if (text == "no security label providers have been loaded") return true;
  for (const std::string_view kind :
       {"event trigger", "publication", "subscription", "foreign-data wrapper"}) {
    if (BeginsWith(text, "permission denied to change owner of " + std::string(kind))) return true;
  }
  // A subscription that was left out.
  if (BeginsWith(text, "subscription \"") && EndsWith(text, "\" does not exist")) return true;
  // A setting for a role or a database that only newer servers have.
  return BeginsWith(text, "unrecognized configuration parameter ") &&
         (BeginsWith(error.statement, "ALTER ROLE ") || BeginsWith(error.statement, "ALTER DATABASE "));
}

/// pg_restore does not say which, so the frequent ones are known by their words.
std::string_view StateOf(const ToolError& error) {
  if (!error.sqlstate.empty()) return error.sqlstate;
  struct Words {
    std::string_view begin;
    std::string_view end;
    std::string_view state;
  };
  constexpr std::array<Words, 20> kWords{{{"relation ", " does not exist", "42P01"},
                                          {"function ", " does not exist", "42883"},
                                          {"operator ", "", "42883"},
                                          {"procedure ", " does not exist", "42883"},
                                          {"schema ", " does not exist", "3F000"},
                                          {"column ", " does not exist", "42703"},
                                          {"relation ", " already exists", "42P07"},
                                          {"schema ", " already exists", "42P06"},
                                          {"function ", " already exists", "42723"},
                                          {"database ", " already exists", "42P04"},
                                          {"extension ", " is not available", "0A000"},
                                          {"could not open extension control file", "", "58P01"},
                                          {"duplicate key value violates", "", "23505"},
                                          {"could not create unique index", "", "23505"},
                                          {"insert or update on table", "", "23503"},
                                          {"syntax error", "", "42601"},
                                          {"permission denied", "", "42501"},
                                          {"invalid input syntax", "", "22P02"},
                                          {"invalid byte sequence", "", "22021"},
                                          {"could not access file", "", "58P01"}}};
  for (const Words& words : kWords) {
    if (BeginsWith(error.text, words.begin) && EndsWith(error.text, words.end)) return words.state;
  }
  if (EndsWith(error.text, " already exists")) return "42710";
  return EndsWith(error.text, " does not exist") ? "42704" : "";
}

/// In upper case, a blank for each run of blanks, without comments in front.
std::string Plain(std::string_view text) {
  while (true) {
    text.remove_prefix(std::min(text.size(), text.find_first_not_of(" \t\r\n")));
    if (BeginsWith(text, "--")) {
      text.remove_prefix(std::min(text.size(), text.find('\n')));
    } else if (BeginsWith(text, "/*")) {
      const size_t end = text.find("*/");
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
    } else {
      break;
    }
  }
  std::string plain;
  for (const char c : text) {
    const bool blank = std::isspace(static_cast<unsigned char>(c)) != 0;
    if (blank && (plain.empty() || plain.back() == ' ')) continue;
    plain += blank ? ' ' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return plain;
}

bool IsNothingToClean(std::string_view text) {
  return EndsWith(text, "does not exist") || text == "cannot drop the currently open database" ||
         text == "cannot drop a template database" || text == "current user cannot be dropped" ||
         BeginsWith(text, "cannot drop role ") ||
         // `postgres`, which has the keeper's session in it: pg_dumpall --clean makes it anew.
         (BeginsWith(text, "database \"") && EndsWith(text, "is being accessed by other users"));
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
                             RestoreWarnings& warnings, ErrorManners manners)
    : backup_(std::move(backup)),
      database_(std::move(database)),
      user_(std::move(user)),
      warnings_(warnings),
      manners_(std::move(manners)) {}

bool MessagePolicy::Tolerates(const ToolError& error, bool cleaning) {
  if (error.severity != "ERROR") return false;
  if (manners_.made_database && BeginsWith(error.statement, "CREATE DATABASE ")) {
    last_tolerated_ = error.text;
    return true;
  }
  const auto exists = [&](std::string_view kind, std::string_view name) {
    return !name.empty() && error.text == std::string(kind) + " \"" + std::string(name) + "\" already exists";
  };
  // What is not there yet, or is there and empty: the database that the backup is restored into.
  const std::string statement = Plain(error.statement);
  const bool drops_own =
      statement.starts_with("DROP DATABASE ") && error.text == "cannot drop the currently open database";
  const bool of_role = IsMissingRole(error.text);
  if (of_role ? !IsOfRoles(error.statement) && !cleaning : DoesMore(statement)) return false;
  const bool tolerated = drops_own || of_role || IsDumpSetting(error.text) || IsOfAnotherServer(error) ||
                         (cleaning && IsNothingToClean(error.text)) || exists("schema", "public") ||
                         exists("extension", "plpgsql") || exists("language", "plpgsql") ||
                         exists("role", "postgres") || exists("role", user_) ||
                         exists("database", "postgres") || exists("database", "template1") ||
                         exists("database", database_) || exists("database", user_);
  if (!tolerated) return false;
  last_tolerated_ = PlaceIn(backup_, error.line) + ": " + error.text;
  warnings_.Add(error.text + "; passed over", error.line);
  return true;
}

bool MessagePolicy::NeedsMore(const ToolError& error) {
  if (error.statement.size() >= kMaxFailedStatement) return false;
  if (IsMissingRole(error.text)) return StandingOf(error.statement) == OfRoles::kOpen;
  if (error.text == "schema \"public\" already exists") return !IsWholeStatement(error.statement);
  return Plain(error.statement).empty();
}

bool MessagePolicy::PassesOver(const ToolError& error) {
  if (error.severity != "ERROR" || !MayPassOver()) return false;
  const ErrorCode code = CodeFor(error);
  if (code == ErrorCode::kNoSpace || code == ErrorCode::kUnavailable) return false;
  const std::string statement = Plain(error.statement);
  const std::string_view state = StateOf(error);
  const bool named = std::any_of(
      manners_.ignored_errors.begin(), manners_.ignored_errors.end(), [&](const std::string& entry) {
        const std::string plain = Plain(entry);
        return plain == state || (!plain.empty() && statement.starts_with(plain)) ||
               (BeginsWith(error.text, entry) && !entry.empty());
      });
  if (!named && !manners_.continue_on_error) return false;
  ++passed_over_;
  const std::string in = error.statement.empty() ? "" : " (in: " + ShortStatement(error.statement) + ")";
  warnings_.Add("error passed over: " + error.text + in, error.line);
  return true;
}

bool MessagePolicy::IsOfNewerServer(const ToolError& error) const {
  const int dumped = MajorNumberOf(manners_.dumped_from);
  const int here = MajorNumberOf(manners_.server_version);
  const std::string_view group = StateOf(error).substr(0, 2);
  return dumped > here && here > 0 && (group == "42" || group == "0A" || group == "22");
}

Error MessagePolicy::Explain(const ToolError& error) const {
  std::string message = PlaceIn(backup_, error.line) + ": ";
  if (!error.severity.empty()) message += error.severity + ": ";
  message += error.text;
  if (!error.detail.empty()) message += "; " + error.detail;
  if (!error.context.empty()) {
    message += " (" + error.context + ")";
  } else if (!error.statement.empty()) {
    message += " (in: " + ShortStatement(error.statement) + ")";
  }
  // "current transaction is aborted" is the echo of an error that was passed over inside the backup's
  // transaction.
  if (error.sqlstate == "25P02" && !last_tolerated_.empty()) message += ", because of " + last_tolerated_;
  std::string hint = error.hint;
  const std::string_view text = error.text;
  if (BeginsWith(text, "extension \"") && EndsWith(text, "\" is not available")) {
    constexpr size_t kBefore = 11;
    const std::string name(text.substr(kBefore, text.find('"', kBefore) - kBefore));
    hint = "Install it, or have it left out: `skipExtensions: [" + name + "]`.";
  }
  if (IsMissingRole(text)) {
    hint =
        "This statement does more than to give an owner or a right, so it is not passed over. Make the role "
        "first: `preScript: create " +
        std::string(text.substr(0, text.rfind('"') + 1)) + "`.";
  }
  if (IsOfNewerServer(error)) {
    message +=
        "; the backup is of version " + manners_.dumped_from + ", this server is " + manners_.server_version;
    std::string installed;
    for (const std::string& version : manners_.installed)
      installed += (installed.empty() ? "" : ", ") + version;
    const int major = MajorNumberOf(manners_.dumped_from);
    hint = "Say `version: " + std::to_string(major) + "`" +
           (installed.empty() ? " and install that version." : "; installed: " + installed + ".");
  }
  return {CodeFor(error), message, hint};
}

std::string ShortStatement(std::string_view statement) {
  constexpr size_t kMaxShown = 200;
  std::string shown;
  for (const char c : statement.substr(0, kMaxShown)) {
    const bool blank = std::isspace(static_cast<unsigned char>(c)) != 0;
    if (blank && (shown.empty() || shown.back() == ' ')) continue;
    shown += blank ? ' ' : c;
  }
  const size_t password = Plain(shown).find("PASSWORD");
  if (password != std::string::npos) shown = shown.substr(0, password) + "PASSWORD ...";
  while (!shown.empty() && shown.back() == ' ') shown.pop_back();
  return shown;
}

}  // namespace spawnd::engines::postgresql
