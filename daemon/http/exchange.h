/// What one request's handler has said so far and its connection has not sent yet: the meeting point of Reply
/// (any thread) and Connection (loop thread). Its lock is held for moments only.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/http/message.h"

namespace spawnd::daemon::http {

class Exchange {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;

  /// `wake` tells the connection to call Take; called from any thread, without the lock.
  explicit Exchange(std::function<void()> wake);

  // What Reply offers, any thread.
  /// `content_type` empty: JSON. A literal.
  void Send(int status, std::string body, Headers headers, std::string_view content_type = {});
  void Begin(std::string_view content_type);
  bool HasRoom(size_t bytes);
  bool WaitForRoom(size_t bytes, std::chrono::milliseconds patience, const std::stop_token& stop);
  void Line(std::string line);
  void End();
  /// Ends a request that nobody can answer any more. The client gets a 500 if nothing was sent, else a
  /// stream that breaks off.
  void Abandon();
  std::stop_token ClientGone() const { return gone_.get_token(); }
  /// Begin was called: 200 has been answered, whatever follows and whether or not its client still reads.
  bool IsStream();
  void IfUndelivered(std::function<void()> take_back);

  // What the connection needs, loop thread.
  enum class Kind { kNothing, kWhole, kStream };
  struct Output {
    Kind kind = Kind::kNothing;
    int status = 200;
    std::string_view content_type;  ///< a literal; empty: JSON
    Headers headers;
    std::string bytes;    ///< the whole body, or the next lines
    bool ended = false;   ///< nothing follows
    bool broken = false;  ///< the stream will never end properly
  };
  /// Lines are handed out until they reach `max_bytes`, at least one.
  Output Take(size_t max_bytes);
  /// ClientGone() tells. The client may still read: how its request ended is sent all the same.
  void MarkClientLeaving();
  /// From here on everything said is dropped, and ClientGone() and IfUndelivered tell. Not called any more
  /// once the kernel has the whole answer.
  void MarkClientGone();

 private:
  /// Gives the lock back first: wake_ takes the mailbox.
  void WakeUnlessPending(std::unique_lock<std::mutex> lock);

  const std::function<void()> wake_;
  std::stop_source gone_;

  bool HasRoomLocked(size_t bytes) const {
    return !client_gone_ && !newest_ && queued_bytes_ + bytes <= kStreamQueueBytes;
  }

  std::mutex mutex_;
  std::condition_variable_any room_;  ///< bytes were taken, or nobody takes them any more
  std::function<void()> undelivered_;
  bool wake_pending_ = false;
  bool client_gone_ = false;
  Kind kind_ = Kind::kNothing;
  bool ended_ = false;
  bool broken_ = false;
  int status_ = 200;
  std::string_view content_type_;
  Headers headers_;
  std::string body_;
  std::deque<std::string> lines_;
  size_t queued_bytes_ = 0;            ///< of lines_
  std::optional<std::string> newest_;  ///< came when lines_ was full; replaced by the next one
};

/// What Reply's copies share. The last one to go tells the exchange.
class Reply::Channel {
 public:
  explicit Channel(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel();
  Exchange& Get() { return *exchange_; }

  void Failed(const Error& error);
  void WhenEnded(std::function<void(const Outcome&)> tell);
  /// The handler is about to say its last word. Tells, the first time.
  void Ends(int status);

 private:
  std::shared_ptr<Exchange> exchange_;
  std::mutex mutex_;
  std::optional<Error> error_;
  std::function<void(const Outcome&)> tell_;
};

}  // namespace spawnd::daemon::http
