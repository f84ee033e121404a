/// One client's connection on the loop thread: reads requests, hands them to its owner one at a time, writes
/// the answers.
///
///   reading ──request──> answering ──answer queued──> flushing ──sent──> reading (keep-alive)
///      │ protocol error or timeout                        ^  └─────────> lingering ──> closed
///      └──────────────────────────────────────────────────┘
///
/// The body of a streamed request is still received while it is being answered.
///
/// The socket is read here and not by libuv, which would drop the descriptors that come with a request.
///
/// A client that closes its sending half while it waits for an answer has given its request up, but still
/// gets the answer: spawnctl after ctrl-C needs to know how its create ended. One that closes all of it gets
/// nothing, and its place is free.
///
/// Owns itself: its memory goes when libuv has closed its handles, after Close.
#pragma once

#include <uv.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "daemon/http/body_stream.h"
#include "daemon/http/descriptors.h"
#include "daemon/http/exchange.h"
#include "daemon/http/message.h"
#include "daemon/http/request_parser.h"

namespace spawnd::daemon::http {

/// The connection's view of its server.
class ConnectionOwner {
 public:
  virtual ~ConnectionOwner() = default;
  virtual const Limits& GetLimits() const = 0;
  virtual bool Closing() const = 0;
  virtual void Handle(Request request, Reply reply) = 0;
  /// A thread-safe function that makes the loop call Connection::Pump of connection `id`, if it still exists.
  virtual std::function<void()> WakerOf(uint64_t id) = 0;
  /// One buffer for all: what is read into it is used at once.
  virtual std::span<char> ReadBuffer() = 0;
  virtual const std::shared_ptr<DescriptorCloser>& Closer() const = 0;
  /// The handles are closed; the connection is deleted right after.
  virtual void ConnectionClosed(uint64_t id) = 0;
};

class Connection {
 public:
  /// On a socket that does not block. Null when the client is gone already.
  static Connection* Begin(uv_loop_t* loop, UniqueFd socket, ConnectionOwner* owner, uint64_t id);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  uid_t Uid() const { return peer_.identity.uid; }
  /// Answers before anything was asked, and closes. For one that has just begun.
  void TurnAway(int status, const Error& why);
  /// The exchange has something to send, or a streamed body is wanted.
  void Pump();
  /// The server stops: closes now unless an answer is due.
  void CloseWhenIdle();
  /// Closes now, whatever is under way. Idempotent.
  void Close();
  /// The owner is going: closes without calling it again.
  void Orphan();

 private:
  enum class State { kReading, kAnswering, kFlushing, kLingering, kClosed };

  Connection(UniqueFd socket, ConnectionOwner* owner, uint64_t id);
  ~Connection() = default;

  static void OnReady(uv_poll_t* handle, int status, int events);
  static void OnTimer(uv_timer_t* timer);
  static void OnHandleClosed(uv_handle_t* handle);

  void Read();
  void Receive(std::string_view bytes, std::vector<UniqueFd> descriptors);
  void ReceiveEnd();
  void TooManyDescriptors();
  bool PeerGone() const;
  void Process();
  void Dispatch();
  /// Puts what came along with a request into it.
  Result<void> AttachDescriptors(Request& request);
  void BeginBody(Request& request);
  void FeedBody();
  void EndBody();
  void BodyTimedOut();
  void Refuse(const ProtocolError& error);
  void SendAnswer();
  void SendWhole(Exchange::Output output);
  void SendStreamHead(std::string_view content_type);
  void Queue(std::string_view bytes);
  /// Gives the kernel what it takes.
  void Flush();
  /// The socket takes more.
  void Continue();
  void AnswerQueued();
  void AnswerSent();
  void Linger();
  void SetTimer(uint64_t milliseconds);
  void SetReading(bool reading);
  /// Has the loop watch for what is waited for.
  void Watch();
  size_t UnsentBytes() const { return output_.size() - output_sent_; }

  ConnectionOwner* owner_;  ///< null once orphaned
  const uint64_t id_;
  const UniqueFd socket_;
  uv_poll_t poll_{};
  uv_timer_t timer_{};
  int watched_ = 0;  ///< uv_poll_event
  int open_handles_ = 0;
  State state_ = State::kReading;
  Peer peer_;
  RequestParser parser_;
  std::string input_;                         ///< received and not parsed yet
  std::shared_ptr<Descriptors> descriptors_;  ///< received with it
  std::string output_;                        ///< from output_sent_ on it is not with the kernel yet
  size_t output_sent_ = 0;
  bool reading_ = false;
  bool input_ended_ = false;

  std::shared_ptr<Exchange> exchange_;  ///< until the kernel has its whole answer
  std::shared_ptr<BodyStream> body_;    ///< of a streamed request, until all of it has come
  bool stream_begun_ = false;
  bool keep_alive_ = false;
  bool is_head_ = false;
  bool is_http10_ = false;
};

}  // namespace spawnd::daemon::http
