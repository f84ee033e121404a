#include "engines/mssql/tds_client.h"

#include <sybfront.h>
// After it: what it declares is named there.
#include <sybdb.h>

#include <algorithm>
#include <mutex>

namespace spawnd::engines::mssql {
namespace {

/// SYBECONN and others of sybdb.h come here with what went wrong on the way to the server.
struct Heard {
  std::vector<ServerMessage> messages;
  std::string client_error;
};

/// db-lib calls its handlers on the thread that called it, at a login without anything to tell the caller by.
thread_local Heard* listening = nullptr;

constexpr int kFirstErrorSeverity = 11;
/// Of one answer. What is asked here has as many as there are databases, or files in a backup.
constexpr size_t kMaxRows = 100'000;
/// "Changed database context to" and "Changed language setting to": nobody asked.
constexpr int kChangedDatabase = 5701;
constexpr int kChangedLanguage = 5703;

/// As clients of today have it; db-lib's own defaults are those of the nineties, with which indexed views,
/// XML and computed columns cannot be written.
constexpr const char* kSessionSettings =
    "SET ANSI_NULLS, ANSI_PADDING, ANSI_WARNINGS, ARITHABORT, CONCAT_NULL_YIELDS_NULL, QUOTED_IDENTIFIER ON; "
    "SET NUMERIC_ROUNDABORT OFF";

int OnMessage(DBPROCESS* /*process*/, DBINT number, int /*state*/, int severity, char* text, char* /*server*/,
              char* /*procedure*/, int line) {
  if (listening != nullptr && number != kChangedDatabase && number != kChangedLanguage) {
    listening->messages.push_back({static_cast<int>(number), severity, line, text != nullptr ? text : ""});
  }
  return 0;
}

int OnClientError(DBPROCESS* /*process*/, int /*severity*/, int number, int /*os_number*/, char* text,
                  char* os_text) {
  // "General SQL Server error: check messages from the SQL Server": they are there.
  constexpr int kCheckMessages = 20018;
  if (listening != nullptr && listening->client_error.empty() && number != kCheckMessages) {
    listening->client_error = text != nullptr ? text : "unknown error";
    if (os_text != nullptr && *os_text != '\0') listening->client_error += std::string(": ") + os_text;
  }
  return INT_CANCEL;
}

class Listening {
 public:
  explicit Listening(Heard& heard) { listening = &heard; }
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;
  ~Listening() { listening = nullptr; }
};

bool StartLibrary() {
  static const bool started = [] {
    if (dbinit() == FAIL) return false;
    dberrhandle(OnClientError);
    dbmsghandle(OnMessage);
    return true;
  }();
  return started;
}

/// The first error the server told of, else what db-lib has to say.
tl::unexpected<Error> Failure(const Heard& heard, const std::string& what, uint64_t first_line = 1) {
  for (const ServerMessage& message : heard.messages) {
    if (message.severity < kFirstErrorSeverity) continue;
    const uint64_t number = first_line - 1 + static_cast<uint64_t>(std::max(message.line, 0));
    const std::string line = message.line > 0 ? "line " + std::to_string(number) + ": " : "";
    return spawnd::Fail(CodeForMessage(message.number), line + message.text);
  }
  return spawnd::Fail(ErrorCode::kUnavailable,
                      what + ": " + (heard.client_error.empty() ? "no reason given" : heard.client_error));
}

std::optional<std::string> ValueAt(DBPROCESS* process, int column) {
  const BYTE* data = dbdata(process, column);
  const DBINT size = dbdatlen(process, column);
  if (data == nullptr) return size == 0 ? std::nullopt : std::optional<std::string>("");
  const int type = dbcoltype(process, column);
  // Texts come as they are; of other types no value is longer than this.
  constexpr DBINT kOtherTypes = 512;
  std::string text(static_cast<size_t>(std::max<DBINT>(size * 2 + 2, kOtherTypes)), '\0');
  const DBINT written = dbconvert(process, type, data, size, SYBCHAR, reinterpret_cast<BYTE*>(text.data()),
                                  static_cast<DBINT>(text.size()));
  text.resize(written > 0 ? static_cast<size_t>(written) : 0);
  while (!text.empty() && text.back() == ' ' && type != SYBVARCHAR) text.pop_back();
  return text;
}

Result<Table> ReadTable(DBPROCESS* process) {
  Table table;
  const int columns = dbnumcols(process);
  for (int i = 1; i <= columns; ++i) table.columns.emplace_back(dbcolname(process, i));
  while (true) {
    const STATUS status = dbnextrow(process);
    if (status == NO_MORE_ROWS) return table;
    if (status != REG_ROW)
      return spawnd::Fail(ErrorCode::kUnavailable, "the server's answer stopped in the middle");
    std::vector<std::optional<std::string>> row;
    for (int i = 1; i <= columns; ++i) row.push_back(ValueAt(process, i));
    table.rows.push_back(std::move(row));
    if (table.rows.size() > kMaxRows) {
      return spawnd::Fail(ErrorCode::kInternal, "the server sends far more than it was asked for");
    }
  }
}

}  // namespace

void TdsClient::Close::operator()(tds_dblib_dbprocess* process) const {
  dbclose(process);
}

Result<TdsClient> TdsClient::Login(tds_dblib_loginrec* login, const std::string& server) {
  Heard heard;
  const Listening listen(heard);
  DBPROCESS* process = dbopen(login, server.c_str());
  if (process == nullptr) return Failure(heard, "cannot connect to the server");
  return TdsClient(process);
}

Result<TdsClient> TdsClient::Open(const Endpoint& endpoint, const std::string& user,
                                  const std::string& password, std::chrono::seconds limit) {
  // One at a time: the limit of a login is the library's.
  static std::mutex opening;
  const std::lock_guard lock(opening);
  if (!StartLibrary()) return spawnd::Fail(ErrorCode::kInternal, "db-lib cannot be started");
  const std::unique_ptr<LOGINREC, decltype(&dbloginfree)> login(dblogin(), dbloginfree);
  if (!login) return spawnd::Fail(ErrorCode::kInternal, "db-lib has no memory for a login");
  DBSETLUSER(login.get(), user.c_str());
  DBSETLPWD(login.get(), password.c_str());
  DBSETLAPP(login.get(), "spawnd");
  DBSETLCHARSET(login.get(), "UTF-8");
  DBSETLVERSION(login.get(), DBVERSION_74);
  constexpr int kNoLimitForLogins = 60;
  dbsetlogintime(limit.count() > 0 ? static_cast<int>(limit.count()) : kNoLimitForLogins);
  dbsettime(static_cast<int>(limit.count()));
  const std::string server = endpoint.host + ":" + std::to_string(endpoint.port);
  TRY_ASSIGN(TdsClient client, Login(login.get(), server));
  TRY(client.Run(kSessionSettings));
  return client;
}

Result<Table> TdsClient::Run(const std::string& sql,
                             const std::function<void(const ServerMessage&)>& on_message,
                             uint64_t first_line) {
  Heard heard;
  const Listening listen(heard);
  size_t told = 0;
  const auto tell = [&] {
    for (; told < heard.messages.size(); ++told) {
      if (on_message && heard.messages[told].severity < kFirstErrorSeverity) on_message(heard.messages[told]);
    }
  };
  dbfreebuf(process_.get());
  bool failed = dbcmd(process_.get(), sql.c_str()) == FAIL || dbsqlexec(process_.get()) == FAIL;
  Table last;
  while (!failed) {
    tell();
    const RETCODE more = dbresults(process_.get());
    if (more == NO_MORE_RESULTS) break;
    failed = more == FAIL;
    if (failed || dbnumcols(process_.get()) == 0) continue;
    auto table = ReadTable(process_.get());
    failed = !table;
    if (table) last = std::move(*table);
  }
  tell();
  const bool error =
      std::any_of(heard.messages.begin(), heard.messages.end(),
                  [](const ServerMessage& message) { return message.severity >= kFirstErrorSeverity; });
  if (!failed && !error) return last;
  dbcancel(process_.get());
  return Failure(heard, "the server does not answer", first_line);
}

ErrorCode CodeForMessage(int number) {
  switch (number) {
    case 18456:  // login failed: the password is set while the server comes up
    case 18401:  // login failed: the server is in script upgrade mode
    case 18461:  // login failed: single user mode
    case 922:    // database is being recovered
    case 904:    // database cannot be started
      return ErrorCode::kUnavailable;
    case 911:   // database does not exist
    case 4060:  // cannot open the database that the login asks for
      return ErrorCode::kNotFound;
    case 1105:  // no room in a file group
    case 3257:  // not enough room for the restored files
    case 9002:  // the log is full
    case 5149:  // a file cannot grow
      return ErrorCode::kNoSpace;
    case 3169:   // backup of a newer version
    case 948:    // database of a newer version
    case 33111:  // encrypted with a certificate that is not here
      return ErrorCode::kUnsupported;
    case 3241:  // no media family of this format
    case 3242:  // no valid tape format
    case 3183:  // damaged page in a backup
    case 3189:  // damage to a backup set
    case 3203:  // read of a backup failed
      return ErrorCode::kCorrupt;
    case 102:   // syntax
    case 105:   // quote without an end
    case 156:   // syntax near a keyword
    case 207:   // no such column
    case 208:   // no such object
    case 2812:  // no such procedure
    case 1801:  // database is there already
    case 2714:  // object is there already
      return ErrorCode::kInvalidArgument;
    default:
      return ErrorCode::kInternal;
  }
}

}  // namespace spawnd::engines::mssql
