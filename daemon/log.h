/// Where the daemon's log goes. The daemon logs with spdlog's own functions (spdlog::info("...")), once,
/// where it gives up on something; the library folders never log.
#pragma once

namespace spawnd::daemon {

/// Sends spdlog to standard error. Under systemd (JOURNAL_STREAM is set) lines start with the journal's
/// priority, "<6>", and have no time of their own. Control characters in a message are shown as text, so that
/// one call is one line, whatever a caller has put into a name. Call once, before other threads start.
void StartLogging();

}  // namespace spawnd::daemon
