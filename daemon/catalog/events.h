/// What has happened to images and containers, in order: a row of table `events` for every change, written in
/// the very transaction that makes the change, so that neither is there without the other.
///
/// By construction: triggers of the connection note which rows a transaction touches and what they said
/// before, and the end of each transaction compares. No function of the tables has to say anything; what rows
/// do not tell (who asked, why) is said with Because() around the change.
///
/// Ids only grow, without gaps, over restarts too. The newest kEventsKept are kept, none longer than
/// kEventSeconds once another comes. Loop thread only, but for EventReader.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "daemon/catalog/rows.h"

namespace spawnd::daemon {

class Database;

inline constexpr int64_t kEventsKept = 100'000;
inline constexpr int64_t kEventSeconds = int64_t{14} * 24 * 3600;
/// Bounds the detail of one event: what an engine said before it ended may be long.
inline constexpr size_t kMaxEventDetail = 1024;

struct EventRow {
  int64_t id = 0;
  int64_t time = 0;      ///< milliseconds since 1970, by a clock that may jump: ids tell the order
  std::string resource;  ///< "image", "container" or "source"
  std::string event;     ///< "created" ...
  int64_t subject = 0;   ///< its id
  std::string name;      ///< the rest as it was after the change, or before it if that was the end
  uid_t owner = 0;
  int64_t image_id = 0;    ///< of a container; of an image its own
  std::string image;       ///< of a container: "name" or "name:tag" as asked for
  std::string image_name;  ///< this and the next three say for whom a token is
  uid_t image_owner = 0;
  std::string built_in;            ///< "postgresql:15.20" for a hidden image
  std::vector<std::string> tags;   ///< of the image
  std::vector<std::string> teams;  ///< of an image: who could see it
  std::string revision;            ///< of a container, or that an image was made of
  int64_t container_id = 0;        ///< of an image: the container that it was graduated from
  std::optional<uint32_t> actor;   ///< who asked for it; nobody: the daemon does it by itself
  int64_t token_id = 0;            ///< with which token; 0: none
  std::string detail;
};

/// What is known of a change beside its rows.
struct EventCause {
  std::optional<uint32_t> actor{};
  int64_t token_id = 0;
  std::string_view word{};  ///< a literal: the event's name where the rows could mean several: "expired"
  std::string detail{};
  int64_t container_id = 0;  ///< of a new image: what it is graduated from, and at which revision
  std::string revision{};
};

/// An image or container at one moment; `state` empty: it is not there.
struct EventSubject {
  std::string resource;
  int64_t id = 0;
  std::string state;
  std::string name;
  uid_t owner = 0;
  int64_t expires_at = 0;
  int64_t image_id = 0;
  std::string image;
  std::string image_name;
  uid_t image_owner = 0;
  std::string built_in;
  std::vector<std::string> tags;
  std::vector<std::string> teams;
  std::string revision;
  std::string volume;
  std::string detail;
};

/// What to call the change of one from `before` to `after`, in the order in which it is told; nothing when
/// there is nothing to tell. `begun`: the last event of it that is known, which a change may be the end of.
/// Pure.
struct EventName {
  std::string event;
  std::string detail{};
  bool as_before = false;                 ///< it tells of what was, also to those who could see that
  std::vector<std::string> teams_only{};  ///< not empty: to these, and to nobody through other teams
};
std::vector<EventName> NameEvents(const EventSubject& before, const EventSubject& after,
                                  const EventCause& cause, std::string_view begun);

class EventTable {
 public:
  explicit EventTable(Database& database) : database_(database) {}

  /// Once, when the tables are there: from now on every change is told.
  Result<void> Begin();
  /// So many of the newest stay.
  void Keep(int64_t most) { kept_ = most; }
  /// Of something that happens to a container and is no change of its row. Nothing for one that is not there.
  Result<void> TellOfContainer(int64_t id, std::string_view event, std::string detail);
  /// The same of a data source; `image_id` and `image`: one that it tells of, if any. In the transaction of
  /// the change, which Write's caller has open.
  Result<void> TellOfSourceInTransaction(const SourceRow& source, std::string_view event, std::string detail,
                                         int64_t image_id = 0, const std::string& image = {});
  /// `told`: called after each transaction that has told something.
  void OnTold(std::function<void()> told) { told_ = std::move(told); }

  /// Says why, for all changes that are made until the answer goes out of scope.
  class Reason {
   public:
    Reason(EventTable& table, EventCause cause)
        : table_(table), before_(std::exchange(table.cause_, std::move(cause))) {}
    Reason(const Reason&) = delete;
    Reason& operator=(const Reason&) = delete;
    ~Reason() { table_.cause_ = std::move(before_); }

   private:
    EventTable& table_;
    EventCause before_;
  };
  [[nodiscard]] Reason Because(EventCause cause) { return {*this, std::move(cause)}; }
  /// For what goes on later: to be said again then.
  const EventCause& Cause() const { return cause_; }

 private:
  Result<void> Record();
  Result<void> RecordChange(const EventSubject& before);
  Result<void> RecordSaved(const EventSubject& noted);
  Result<void> RecordGraduated(const EventRow& image);
  Result<EventSubject> Now(const std::string& resource, int64_t id);
  struct Begun {
    std::string event;
    std::optional<uint32_t> actor;
    int64_t token_id = 0;
    int64_t container_id = 0;
    std::string revision;
  };
  Result<Begun> LastOf(const std::string& resource, int64_t subject);
  Result<void> Write(EventRow row);
  Result<void> DropOld(int64_t newest, int64_t now);

  Database& database_;
  std::function<void()> told_;
  EventCause cause_;
  int64_t kept_ = kEventsKept;
  bool wrote_ = false;
};

/// Reads events on a connection of its own, so that no reader takes the loop's time. For one thread at a
/// time.
class EventReader {
 public:
  static Result<std::unique_ptr<EventReader>> Open(const std::string& catalog_path);
  ~EventReader();
  EventReader(const EventReader&) = delete;
  EventReader& operator=(const EventReader&) = delete;

  struct Kept {
    int64_t oldest = 1;  ///< id; past `newest` when there is none
    int64_t newest = 0;
  };
  Result<Kept> WhatIsKept();
  /// At most `most` of those after `id`, in order.
  Result<std::vector<EventRow>> After(int64_t id, size_t most);
  /// The id of the first at or after that time in milliseconds; past the newest when there is none.
  Result<int64_t> FirstSince(int64_t time);
  /// Whether a token is there, and has not been deleted since its request came.
  Result<bool> HasToken(int64_t token_id);

 private:
  explicit EventReader(std::unique_ptr<Database> database);

  std::unique_ptr<Database> database_;
};

}  // namespace spawnd::daemon
