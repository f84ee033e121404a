#include "daemon/logs/log_streams.h"

#include <algorithm>
#include <condition_variable>
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

/// The next piece, when there is one and it has room.
Outcome Continue(Stream& stream) {
  if (stream.reply.ClientGone().stop_requested()) return Outcome::kEnded;
  if (!stream.tail) return Begin(stream);
  if (!stream.reply.HasRoom(kPieceBytes)) return Outcome::kWaits;
  // Asked first: what was written before it was deleted is still to be sent.
  const bool deleted = stream.tail->Deleted();
  auto bytes = stream.tail->Read(kPieceBytes);
  if (!bytes) return Outcome::kEnded;  // breaks it off
  if (!bytes->empty()) {
    stream.reply.Line(std::move(*bytes));
    return Outcome::kMore;
  }
  if (stream.order.follow && !deleted) return Outcome::kWaits;
  stream.reply.End();
  return Outcome::kEnded;
}

class Streams final : public LogStreams {
 public:
  Streams() : thread_([this](const std::stop_token& stop) { Run(stop); }) {}

  void Send(LogOrder order, http::Reply reply) override {
    {
      const std::lock_guard lock(mutex_);
      if (thread_.get_stop_token().stop_requested()) return;
      arrived_.push_back({std::move(order), std::move(reply)});
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
      std::erase_if(streams, [&more](Stream& stream) {
        const Outcome outcome = Continue(stream);
        more = more || outcome == Outcome::kMore;
        return outcome == Outcome::kEnded;
      });
      std::unique_lock lock(mutex_);
      const auto news = [this] { return !arrived_.empty(); };
      if (streams.empty()) {
        wake_.wait(lock, stop, news);
      } else if (!more) {
        wake_.wait_for(lock, stop, kBetweenLooks, news);
      }
      std::move(arrived_.begin(), arrived_.end(), std::back_inserter(streams));
      arrived_.clear();
    }
  }

  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::vector<Stream> arrived_;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace

std::unique_ptr<LogStreams> LogStreams::Start() {
  return std::make_unique<Streams>();
}

}  // namespace spawnd::daemon
