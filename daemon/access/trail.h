/// Who changed what, and how that ended: one record of the journal for each change, or one line of the log
/// where there is no journal. Every request that changes something leaves one, done or refused
/// (daemon/handlers/request_watch.h); what the daemon does by itself says so.
///
/// Any thread. What is written survives as long as the journal does.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "daemon/catalog/events.h"
#include "daemon/http/message.h"

namespace spawnd::daemon {

/// What events say of whose request it is; with Catalog::events.Because, around what it changes.
EventCause CauseOf(const http::Peer& who);

/// Longer names are cut: a request may be about anything, and the record of it is not for its caller to fill.
inline constexpr size_t kMaxNoted = 255;

/// The MESSAGE_ID of all these records: `journalctl MESSAGE_ID=...`.
inline constexpr const char* kChangeMessageId = "5b7d4fb2a1e34c0c9f26d3a0b8e1c764";

struct Change {
  http::Notes::Said what;  ///< with the user whose rights counted
  bool by_daemon = false;  ///< nobody asked for it; then there are no user and no process
  uid_t socket_uid = 0;    ///< who was at the other end of the socket
  pid_t pid = 0;
  std::optional<ErrorCode> failed{};
  std::chrono::microseconds took{0};
};

/// The fields of the record, "SPAWND_VERB=create" and so on, without MESSAGE. No value has a control
/// character.
std::vector<std::string> FieldsOf(const Change& change);
/// The same as a line: `verb=create resource=data-container id=10002 name="x" uid=1000 pid=4242
/// outcome=done`.
std::string LineOf(const Change& change);

/// Writes the record.
void WriteDown(const Change& change);

/// Says what a request is about, once its handler knows; its record is written when it has been answered.
/// `id` 0: it has none yet. The user stands there by number, because a directory service may take its time to
/// name him.
void NoteChange(const http::Peer& who, std::string_view verb, std::string_view resource, int64_t id,
                std::string_view name);

/// The record of what the daemon did by itself: nobody asked for it just now.
void NoteOwnChange(std::string_view verb, std::string_view resource, int64_t id, std::string_view name,
                   const std::optional<ErrorCode>& failed = {});

}  // namespace spawnd::daemon
