#include "daemon/events/event_streams.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <ctime>
#include <limits>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "api/error_codes.h"
#include "api/json.h"
#include "api/timestamp.h"
#include "daemon/access/visibility.h"
#include "daemon/events/event_line.h"

namespace spawnd::daemon {
namespace {

/// How often those are served again whose clients have no room, and at most how often news are told: what
/// comes meanwhile is told together.
constexpr std::chrono::milliseconds kBetweenLooks{50};
/// How soon a client that has gone, or a token that has ended, is noticed.
constexpr std::chrono::seconds kIdle{1};
/// Events read at a time, so that one long stream cannot keep the others waiting.
constexpr size_t kBatch = 100;

struct Stream {
  EventOrder order;
  http::Reply reply;
  bool begun = false;
  int64_t position = 0;  ///< the last id that was told or passed over
  int64_t last = 0;      ///< where it ends by an id
};

enum class Outcome { kEnded, kWaits, kMore };

class Streams final : public EventStreams {
 public:
  Streams(std::unique_ptr<EventReader> reader, const TeamMembers& teams)
      : reader_(std::move(reader)),
        teams_(teams),
        thread_([this](const std::stop_token& stop) { Run(stop); }) {}

  void Send(EventOrder order, http::Reply reply) override {
    {
      const std::lock_guard lock(mutex_);
      if (thread_.get_stop_token().stop_requested()) return;
      arrived_.push_back({std::move(order), std::move(reply)});
    }
    wake_.notify_all();
  }

  void Wake() override {
    {
      const std::lock_guard lock(mutex_);
      news_ = true;
    }
    wake_.notify_all();
  }

  void Stop() override {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
    arrived_.clear();
  }

 private:
  void Run(const std::stop_token& stop) {
    std::vector<Stream> streams;
    while (!stop.stop_requested()) {
      bool more = false;
      std::erase_if(streams, [&](Stream& stream) {
        const Outcome outcome = Serve(stream);
        more = more || outcome == Outcome::kMore;
        return outcome == Outcome::kEnded;
      });
      std::unique_lock lock(mutex_);
      const auto something = [this] { return news_ || !arrived_.empty(); };
      if (streams.empty()) {
        wake_.wait(lock, stop, [this] { return !arrived_.empty(); });
      } else if (!more) {
        wake_.wait_for(lock, stop, kIdle, something);
        // What comes in a crowd is told in one go.
        if (arrived_.empty()) wake_.wait_for(lock, stop, kBetweenLooks, [this] { return !arrived_.empty(); });
      }
      news_ = false;
      std::move(arrived_.begin(), arrived_.end(), std::back_inserter(streams));
      arrived_.clear();
    }
  }

  Outcome Serve(Stream& stream) {
    if (stream.reply.ClientGone().stop_requested()) return Outcome::kEnded;
    const auto served = Step(stream);
    if (served) return *served;
    if (stream.begun) {
      stream.reply.Line(api::ErrorLine(served.error()));
      stream.reply.End();
    } else {
      stream.reply.Send(api::HttpStatus(served.error().code), api::ToJson(served.error()));
    }
    return Outcome::kEnded;
  }

  Result<Outcome> Step(Stream& stream) {
    TRY(CheckToken(stream.order));
    TRY_ASSIGN(const EventReader::Kept kept, reader_->WhatIsKept());
    if (!stream.begun) TRY(Begin(stream, kept));
    if (!TellMissed(stream, kept)) return Outcome::kWaits;
    TRY_ASSIGN(const auto events, reader_->After(stream.position, kBatch));
    for (const EventRow& event : events) {
      if (IsPast(stream, event)) return End(stream);
      if (!TellGap(stream, stream.position + 1, event.id - 1)) return Outcome::kWaits;
      if (IsFor(stream.order, event)) {
        std::string line = EventJson(event, names_) + "\n";
        if (!stream.reply.HasRoom(line.size())) return Outcome::kWaits;
        stream.reply.Line(std::move(line));
      }
      stream.position = event.id;
    }
    if (events.size() == kBatch) return Outcome::kMore;
    return IsOver(stream) ? End(stream) : Outcome::kWaits;
  }

  static Outcome End(const Stream& stream) {
    stream.reply.End();
    return Outcome::kEnded;
  }

  /// It may have ended since its request was let in.
  Result<void> CheckToken(const EventOrder& order) {
    if (order.token_id == 0) return {};
    TRY_ASSIGN(const bool there, reader_->HasToken(order.token_id));
    if (!there) return Fail(ErrorCode::kUnauthenticated, "the access token has been deleted");
    const int64_t expires_at = order.who.rights.expires_at;
    if (expires_at == 0 || std::time(nullptr) < expires_at) return {};
    return Fail(ErrorCode::kUnauthenticated, "the access token has expired");
  }

  Result<void> Begin(Stream& stream, const EventReader::Kept& kept) {
    const EventOrder& order = stream.order;
    stream.position = order.follow ? kept.newest : kept.oldest - 1;
    if (order.since && order.since->id) {
      stream.position = *order.since->id;
    } else if (order.since) {
      TRY_ASSIGN(const int64_t first, reader_->FirstSince(order.since->time));
      // Whether there was more since then cannot be known of what is not kept.
      stream.position = first == kept.oldest && first <= kept.newest ? 0 : first - 1;
    }
    stream.last = order.follow ? std::numeric_limits<int64_t>::max() : kept.newest;
    if (order.until && order.until->id) stream.last = std::min(stream.last, *order.until->id);
    stream.begun = true;
    stream.reply.Begin();
    return {};
  }

  /// False: there is no room to say it. Of an id that is none yet all up to it is told, from the next one on.
  static bool TellMissed(Stream& stream, const EventReader::Kept& kept) {
    int64_t from = stream.position + 1;
    int64_t to = kept.oldest - 1;
    if (stream.position > kept.newest) std::tie(from, to) = std::pair(kept.newest + 1, stream.position);
    if (!TellGap(stream, from, to)) return false;
    stream.position = std::min(stream.position, kept.newest);
    return true;
  }

  /// Ids have no gaps but where some are not kept, or were lost with another catalog.
  static bool TellGap(Stream& stream, int64_t from, int64_t to) {
    if (from > to) return true;
    std::string line = MissedJson(from, to) + "\n";
    if (!stream.reply.HasRoom(line.size())) return false;
    stream.reply.Line(std::move(line));
    stream.position = to;
    return true;
  }

  static bool IsPast(const Stream& stream, const EventRow& event) {
    const auto& until = stream.order.until;
    return event.id > stream.last || (until && !until->id && event.time > until->time);
  }

  static bool IsOver(const Stream& stream) {
    const auto& until = stream.order.until;
    return !stream.order.follow || stream.position >= stream.last ||
           (until && !until->id && until->time < int64_t{std::time(nullptr)} * 1000);
  }

  bool IsFor(const EventOrder& order, const EventRow& event) {
    return MaySee(teams_, event, order.who) &&
           order.filter.Matches(event, [this](uid_t uid) { return names_.Of(uid); });
  }

  // Of the thread.
  const std::unique_ptr<EventReader> reader_;
  const TeamMembers& teams_;
  UserNames names_;

  std::mutex mutex_;
  std::condition_variable_any wake_;
  bool news_ = false;
  std::vector<Stream> arrived_;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace

Result<EventPlace> EventPlace::Parse(const std::string& text) {
  EventPlace place;
  int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error == std::errc() && end == text.data() + text.size() && id >= 0) {
    place.id = id;
    return place;
  }
  const auto seconds = api::ParseTimestamp(text);
  if (!seconds) {
    return Fail(ErrorCode::kInvalidArgument, "'" + text + "' is neither the id of an event nor a time",
                "A time is written as 2026-11-27T20:00:00Z.");
  }
  place.time = *seconds * 1000;
  return place;
}

Result<std::unique_ptr<EventStreams>> EventStreams::Start(const std::string& catalog_path,
                                                          const TeamMembers& teams) {
  TRY_ASSIGN(auto reader, EventReader::Open(catalog_path));
  return std::unique_ptr<EventStreams>(std::make_unique<Streams>(std::move(reader), teams));
}

}  // namespace spawnd::daemon
