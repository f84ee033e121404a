/// Events on their way to clients. One thread serves all of them, however many follow, and reads the catalog
/// on a connection of its own: what waits for a slow client waits there, in the table, and takes no memory
/// and none of the loop's time. A client that is so slow that what it has not read yet is dropped from the
/// table is told which ids it missed.
///
/// Send and Wake may be called from any thread. A stream ends where its order says, when its token is deleted
/// or expires, when the client goes, or, broken off, with the daemon.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "daemon/events/filter.h"
#include "daemon/http/message.h"

namespace spawnd::daemon {

class TeamMembers;

/// A place in the order of events.
struct EventPlace {
  std::optional<int64_t> id;
  int64_t time = 0;  ///< milliseconds since 1970, without an id

  /// "17", or "2026-11-27T20:00:00Z". kInvalidArgument.
  static Result<EventPlace> Parse(const std::string& text);
};

struct EventOrder {
  http::Caller who;
  int64_t token_id = 0;
  EventFilter filter{};
  std::optional<EventPlace>
      since{};  ///< after that id, or from that time on; empty: all, or with follow none
  std::optional<EventPlace> until{};  ///< up to that id, or to that time
  bool follow = false;                ///< go on with what comes
};

class EventStreams {
 public:
  /// `teams` outlives this.
  static Result<std::unique_ptr<EventStreams>> Start(const std::string& catalog_path,
                                                     const TeamMembers& teams);
  virtual ~EventStreams() = default;  ///< As Stop.
  virtual void Send(EventOrder order, http::Reply reply) = 0;
  /// There is something new.
  virtual void Wake() = 0;
  /// Breaks all streams off, and whatever is sent later.
  virtual void Stop() = 0;
};

}  // namespace spawnd::daemon
