/// Logs on their way to clients. One thread serves all of them, however many follow: it looks for news
/// several times a second, and gives a client that reads slowly no more than it has room for.
///
/// Send and Moved may be called from any thread. A stream ends with its file (once all was sent), when the
/// client goes, or, broken off, with the daemon.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "daemon/http/message.h"

namespace spawnd::daemon {

struct LogOrder {
  std::string path;
  std::optional<uint64_t> tail;  ///< so many last lines; empty: all
  bool follow = false;
};

enum class Continuation : uint8_t {
  kWhole,    ///< another server's, of which nobody has read anything
  kFromNow,  ///< the same place was written to before
};

class LogStreams {
 public:
  static std::unique_ptr<LogStreams> Start();
  virtual ~LogStreams() = default;  ///< As Stop.
  virtual void Send(LogOrder order, http::Reply reply) = 0;
  /// What was written to the log at `from` goes on in the one at `to`: whoever follows the one reads it to
  /// its end, and then the other, from the beginning or from where that ends now. Both are opened before this
  /// returns, so that they may be deleted from then on.
  virtual void Moved(const std::string& from, const std::string& to, Continuation continuation) = 0;
  /// Breaks all streams off, and whatever is sent later: followers would wait for ever.
  virtual void Stop() = 0;
};

}  // namespace spawnd::daemon
