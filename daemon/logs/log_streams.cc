#include "daemon/logs/log_streams.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "api/error_codes.h"
#include "api/json.h"
#include "daemon/logs/log_tail.h"

namespace spawnd::daemon {
namespace {

constexpr std::chrono::milliseconds kBetweenLooks{100};
/// At a time, so that one long log cannot keep the others waiting.
constexpr size_t kPieceBytes = 32 * 1024;

struct Stream {
  LogOrder order;
  http::Reply reply;
  std::optional<LogTail> tail{};  ///< once its answer has begun
  std::deque<LogTail> next{};     ///< where the log goes on
  std::string last_path{};        ///< of the last of them
  bool was_quiet = false;         ///< at the last look, and since the last move
};

struct Move {
  std::string from;
  LogTail to;
  std::string to_path;
};

enum class Outcome { kEnded, kWaits, kMore };

Outcome Begin(Stream& stream) {
  auto tail = LogTail::Open(stream.order.path, stream.order.tail);
  if (!tail) {
    stream.reply.Send(api::HttpStatus(tail.error().code), api::ToJson(tail.error()));
    return Outcome::kEnded;
  }
  stream.tail.emplace(std::move(*tail));
  stream.reply.BeginText();
  return Outcome::kMore;
}

/// After the end of what there is.
Outcome GoOn(Stream& stream, bool deleted) {
  // Not at once: the last words before a move, or before it was deleted, and the move itself may be on their
  // way.
  if (stream.order.follow && !std::exchange(stream.was_quiet, true)) return Outcome::kWaits;
  if (!stream.next.empty()) {
    stream.tail.emplace(std::move(stream.next.front()));
    stream.next.pop_front();
    stream.was_quiet = false;
    return Outcome::kMore;
  }
  if (stream.order.follow && !deleted) return Outcome::kWaits;
  stream.reply.End();
  return Outcome::kEnded;
}

/// The next piece, when there is one and it has room.
Outcome Continue(Stream& stream) {
  if (stream.reply.ClientGone().stop_requested()) return Outcome::kEnded;
  if (!stream.tail) return Begin(stream);
  if (!stream.reply.HasRoom(kPieceBytes)) return Outcome::kWaits;
  // Asked first: what was written before it was deleted is still to be sent.
  const bool deleted = stream.tail->Deleted();
  auto bytes = stream.tail->Read(kPieceBytes);
  if (!bytes) return Outcome::kEnded;  // breaks it off
  if (bytes->empty()) return GoOn(stream, deleted);
  stream.was_quiet = false;
  stream.reply.Line(std::move(*bytes));
  return Outcome::kMore;
}

/// False: its reader cannot be given the rest, and is to know.
bool Follow(Stream& stream, const Move& move) {
  if (!stream.order.follow || stream.last_path != move.from) return true;
  auto tail = move.to.Fork();
  if (!tail) return false;
  stream.next.push_back(std::move(*tail));
  stream.last_path = move.to_path;
  stream.was_quiet = false;
  return true;
}

class Streams final : public LogStreams {
 public:
  Streams() : thread_([this](const std::stop_token& stop) { Run(stop); }) {}

  void Send(LogOrder order, http::Reply reply) override {
    {
      const std::lock_guard lock(mutex_);
      if (thread_.get_stop_token().stop_requested()) return;
      if (order.follow) ++followers_;
      std::string path = order.path;
      arrived_.push_back(
          {.order = std::move(order), .reply = std::move(reply), .last_path = std::move(path)});
    }
    wake_.notify_all();
  }

  void Moved(const std::string& from, const std::string& to, Continuation continuation) override {
    if (followers_ == 0) return;
    const auto lines = continuation == Continuation::kWhole ? std::nullopt : std::optional<uint64_t>(0);
    auto tail = LogTail::Open(to, lines);
    // Those who follow it hear its end.
    if (!tail) return;
    {
      const std::lock_guard lock(mutex_);
      moves_.push_back({from, std::move(*tail), to});
    }
    wake_.notify_all();
  }

  void Stop() override {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
    arrived_.clear();
    moves_.clear();
  }

 private:
  void Run(const std::stop_token& stop) {
    std::vector<Stream> streams;
    while (!stop.stop_requested()) {
      bool more = false;
      std::erase_if(streams, [this, &more](Stream& stream) {
        const Outcome outcome = Continue(stream);
        more = more || outcome == Outcome::kMore;
        if (outcome == Outcome::kEnded && stream.order.follow) --followers_;
        return outcome == Outcome::kEnded;
      });
      std::unique_lock lock(mutex_);
      const auto news = [this] { return !arrived_.empty() || !moves_.empty(); };
      if (streams.empty()) {
        wake_.wait(lock, stop, news);
      } else if (!more) {
        wake_.wait_for(lock, stop, kBetweenLooks, news);
      }
      // In this order: who arrived after a move was told of the place that it goes to.
      std::move(arrived_.begin(), arrived_.end(), std::back_inserter(streams));
      arrived_.clear();
      for (const Move& move : moves_) {
        std::erase_if(streams, [this, &move](Stream& stream) {
          const bool goes = !Follow(stream, move);
          if (goes) --followers_;
          return goes;
        });
      }
      moves_.clear();
    }
  }

  std::mutex mutex_;
  std::atomic<int> followers_ = 0;
  std::condition_variable_any wake_;
  std::vector<Stream> arrived_;
  std::vector<Move> moves_;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace

std::unique_ptr<LogStreams> LogStreams::Start() {
  return std::make_unique<Streams>();
}

}  // namespace spawnd::daemon
