#include "daemon/access/trail.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstdlib>
// Where in the source a record was written is nobody's business.
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "base/escape_controls.h"

namespace spawnd::daemon {
namespace {

constexpr const char* kJournalSocket = "/run/systemd/journal/socket";

std::string Harmless(std::string_view text) {
  std::string escaped = EscapeControls(text.substr(0, kMaxNoted), "");
  if (text.size() > kMaxNoted) escaped += "...";
  return escaped;
}

/// Between quotes: a name cannot end them, and begin a field of its own.
std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : Harmless(text)) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

/// Whether standard error is the journal (JOURNAL_STREAM, systemd.exec(5)): the service's own records go
/// where its log goes.
bool LogsToJournal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat st {};
  if (stream == nullptr || ::fstat(STDERR_FILENO, &st) != 0) return false;
  return stream == fmt::format("{}:{}", st.st_dev, st.st_ino);
}

/// False: it is not there, which libsystemd passes over.
bool SendToJournal(const Change& change) {
  static const bool logs_to_journal = LogsToJournal();
  if (!logs_to_journal || ::access(kJournalSocket, W_OK) != 0) return false;
  std::vector<std::string> fields = FieldsOf(change);
  fields.push_back("MESSAGE=" + LineOf(change));
  fields.push_back(std::string("MESSAGE_ID=") + kChangeMessageId);
  fields.emplace_back("PRIORITY=6");
  std::vector<iovec> parts;
  parts.reserve(fields.size());
  for (std::string& field : fields) parts.push_back({field.data(), field.size()});
  return ::sd_journal_sendv(parts.data(), static_cast<int>(parts.size())) == 0;
}

}  // namespace

std::vector<std::string> FieldsOf(const Change& change) {
  const http::Notes::Said& what = change.what;
  std::vector<std::string> fields{"SPAWND_VERB=" + Harmless(what.verb),
                                  "SPAWND_RESOURCE=" + Harmless(what.resource)};
  if (what.id != 0) fields.push_back(fmt::format("SPAWND_ID={}", what.id));
  if (!what.name.empty()) fields.push_back("SPAWND_NAME=" + Harmless(what.name));
  fields.push_back(change.by_daemon ? "SPAWND_BY=daemon" : "SPAWND_BY=user");
  if (!change.by_daemon) {
    fields.push_back(fmt::format("SPAWND_UID={}", what.uid));
    fields.push_back(fmt::format("SPAWND_PID={}", change.pid));
    fields.push_back(fmt::format("SPAWND_SOCKET_UID={}", change.socket_uid));
    if (what.token_id != 0) fields.push_back(fmt::format("SPAWND_TOKEN={}", what.token_id));
    fields.push_back(fmt::format("SPAWND_DURATION_USEC={}", change.took.count()));
  }
  fields.push_back(change.failed ? "SPAWND_OUTCOME=failed" : "SPAWND_OUTCOME=done");
  if (change.failed) fields.push_back("SPAWND_CODE=" + std::string(ErrorCodeName(*change.failed)));
  return fields;
}

std::string LineOf(const Change& change) {
  const http::Notes::Said& what = change.what;
  std::string line = fmt::format("verb={} resource={}", Harmless(what.verb), Harmless(what.resource));
  if (what.id != 0) line += fmt::format(" id={}", what.id);
  line += " name=" + Quoted(what.name);
  if (change.by_daemon) {
    line += " by=daemon";
  } else {
    line += fmt::format(" uid={} pid={}", what.uid, change.pid);
    if (change.socket_uid != what.uid) line += fmt::format(" socketUid={}", change.socket_uid);
    if (what.token_id != 0) line += fmt::format(" token={}", what.token_id);
  }
  if (!change.failed) return line + " outcome=done";
  return line + fmt::format(" outcome=failed code={}", ErrorCodeName(*change.failed));
}

void WriteDown(const Change& change) {
  if (!SendToJournal(change)) spdlog::info("{}", LineOf(change));
}

EventCause CauseOf(const http::Peer& who) {
  return {.actor = who.identity.uid, .token_id = who.token_id};
}

void NoteChange(const http::Peer& who, std::string_view verb, std::string_view resource, int64_t id,
                std::string_view name) {
  if (who.notes == nullptr) return;
  who.notes->For(who.identity.uid, who.token_id);
  who.notes->About(verb, resource, id, name);
}

void NoteOwnChange(std::string_view verb, std::string_view resource, int64_t id, std::string_view name,
                   const std::optional<ErrorCode>& failed) {
  Change change;
  change.what.verb = verb;
  change.what.resource = resource;
  change.what.id = id;
  change.what.name = name;
  change.by_daemon = true;
  change.failed = failed;
  WriteDown(change);
}

}  // namespace spawnd::daemon
