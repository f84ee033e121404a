/// Who changes what, one line of the log each.
#pragma once

#include <cstdint>
#include <string_view>

#include "daemon/catalog/events.h"
#include "daemon/http/message.h"

namespace spawnd::daemon {

/// What events say of whose request it is; with Catalog::events.Because, around what it changes.
EventCause CauseOf(const http::Peer& who);

/// Called when the request is taken on, before it is done: how it ends is the part's own to log. `id` 0: it
/// has none yet. The user stands there by number, because a directory service may take its time to name him.
void NoteChange(const http::Peer& who, std::string_view verb, std::string_view resource, int64_t id,
                std::string_view name);

}  // namespace spawnd::daemon
