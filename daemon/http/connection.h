/// One client's connection on the loop thread: reads requests, hands them to its owner one at a time, writes
/// the answers.
///
///   reading ──request──> answering ──answer queued──> flushing ──sent──> reading (keep-alive)
///      │ protocol error or timeout                        ^  └─────────> lingering ──> closed
///      └──────────────────────────────────────────────────┘
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
  /// One buffer for all: libuv fills it and calls back at once.
  virtual std::span<char> ReadBuffer() = 0;
  /// The handles are closed; the connection is deleted right after.
  virtual void ConnectionClosed(uint64_t id) = 0;
};

class Connection {
 public:
  /// Accepts from `listener`. Nothing when the client is gone already.
  static Connection* Accept(uv_stream_t* listener, ConnectionOwner* owner, uint64_t id);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// The exchange has something to send.
  void Pump();
  /// The server stops: closes now unless an answer is due.
  void CloseWhenIdle();
  /// Closes now, whatever is under way. Idempotent.
  void Close();
  /// The owner is going: closes without calling it again.
  void Orphan();

 private:
  enum class State { kReading, kAnswering, kFlushing, kLingering, kClosed };
  struct Write;

  Connection(ConnectionOwner* owner, uint64_t id);
  ~Connection() = default;

  static void OnAllocate(uv_handle_t* handle, size_t suggested, uv_buf_t* buffer);
  static void OnRead(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer);
  static void OnTimer(uv_timer_t* timer);
  static void OnHandleClosed(uv_handle_t* handle);

  void Receive(std::string_view bytes);
  void ReceiveEnd();
  bool PeerGone() const;
  void Process();
  void Dispatch();
  void Refuse(const ProtocolError& error);
  void SendWhole(Exchange::Output output);
  void SendStreamHead(std::string_view content_type);
  void Queue(std::string bytes);
  void Written(int status);
  void AnswerQueued();
  void AnswerSent();
  void Linger();
  void SetTimer(uint64_t milliseconds);
  void ReadMore();
  size_t UnsentBytes() const;

  ConnectionOwner* owner_;  ///< null once orphaned
  const uint64_t id_;
  uv_pipe_t pipe_{};
  uv_timer_t timer_{};
  int open_handles_ = 0;
  State state_ = State::kReading;
  Peer peer_;
  RequestParser parser_;
  std::string input_;  ///< received and not parsed yet
  bool reading_ = false;
  bool input_ended_ = false;

  std::shared_ptr<Exchange> exchange_;  ///< until the kernel has its whole answer
  bool stream_begun_ = false;
  bool keep_alive_ = false;
  bool is_head_ = false;
  bool is_http10_ = false;
};

}  // namespace spawnd::daemon::http
