#include "daemon/http/connection.h"

#include <poll.h>

#include <utility>

#include "api/json.h"
#include "daemon/http/peer.h"
#include "daemon/http/response.h"

namespace spawnd::daemon::http {
namespace {

/// Requests that a client may send ahead while an earlier one is answered; then the socket is not read
/// further.
constexpr size_t kPipelinedBytes = 64 * 1024;
/// Handed to the kernel at most before more lines are taken from the exchange, where they are bounded.
constexpr size_t kUnsentBytes = 64 * 1024;
/// How long to read and drop what a client still sends after its last answer. Closing with unread bytes would
/// break its send before it has read why (RFC 9112 section 9.6).
constexpr uint64_t kLingerMilliseconds = 1'000;
/// How often to look whether a client that has closed its sending half is still there. Without that, many
/// that gave up while their work was queued would keep everybody else out.
constexpr uint64_t kLookMilliseconds = 500;

ErrorCode CodeOf(int status) {
  if (status == 408) return ErrorCode::kTimeout;
  if (status == 505) return ErrorCode::kUnsupported;
  return ErrorCode::kInvalidArgument;
}

}  // namespace

struct Connection::Write {
  uv_write_t request{};
  std::string bytes;
  Connection* connection = nullptr;
};

Connection::Connection(ConnectionOwner* owner, uint64_t id)
    : owner_(owner), id_(id), parser_(owner->GetLimits()) {
  pipe_.data = this;
  timer_.data = this;
}

Connection* Connection::Accept(uv_stream_t* listener, ConnectionOwner* owner, uint64_t id) {
  auto* connection = new Connection(owner, id);
  uv_pipe_init(listener->loop, &connection->pipe_, 0);
  uv_timer_init(listener->loop, &connection->timer_);
  connection->open_handles_ = 2;

  uv_os_fd_t fd = -1;
  auto* stream = reinterpret_cast<uv_stream_t*>(&connection->pipe_);
  const bool accepted = uv_accept(listener, stream) == 0 &&
                        uv_fileno(reinterpret_cast<uv_handle_t*>(&connection->pipe_), &fd) == 0;
  auto peer = accepted ? PeerOf(fd) : Result<Peer>(Fail(ErrorCode::kUnavailable, "the client is gone"));
  if (!peer) {
    connection->Orphan();
    return nullptr;
  }
  connection->peer_ = std::move(*peer);
  connection->SetTimer(owner->GetLimits().idle_milliseconds);
  connection->ReadMore();
  return connection;
}

void Connection::ReadMore() {
  if (reading_) return;
  reading_ = uv_read_start(reinterpret_cast<uv_stream_t*>(&pipe_), OnAllocate, OnRead) == 0;
}

void Connection::OnAllocate(uv_handle_t* handle, size_t, uv_buf_t* buffer) {
  const std::span<char> memory = static_cast<Connection*>(handle->data)->owner_->ReadBuffer();
  *buffer = uv_buf_init(memory.data(), static_cast<unsigned>(memory.size()));
}

void Connection::OnRead(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) {
  auto* self = static_cast<Connection*>(stream->data);
  if (count == UV_EOF) {
    self->ReceiveEnd();
  } else if (count < 0) {
    self->Close();
  } else {
    self->Receive({buffer->base, static_cast<size_t>(count)});
  }
}

void Connection::Receive(std::string_view bytes) {
  if (state_ == State::kLingering || state_ == State::kClosed) return;
  input_.append(bytes);
  if (state_ == State::kReading) {
    Process();
  } else if (input_.size() >= kPipelinedBytes) {
    uv_read_stop(reinterpret_cast<uv_stream_t*>(&pipe_));
    reading_ = false;
  }
}

void Connection::ReceiveEnd() {
  reading_ = false;
  input_ended_ = true;
  if (PeerGone() || (state_ != State::kAnswering && state_ != State::kFlushing)) return Close();
  keep_alive_ = false;
  input_.clear();
  if (state_ == State::kAnswering) SetTimer(kLookMilliseconds);
  if (exchange_) exchange_->MarkClientLeaving();
}

/// libuv shows the end of what is received only. The end of both directions is POLLHUP (unix(7), poll(2)).
bool Connection::PeerGone() const {
  pollfd polled{-1, 0, 0};
  if (uv_fileno(reinterpret_cast<const uv_handle_t*>(&pipe_), &polled.fd) != 0) return true;
  return ::poll(&polled, 1, 0) > 0 && (polled.revents & (POLLHUP | POLLERR)) != 0;
}

void Connection::Process() {
  while (state_ == State::kReading && !input_.empty()) {
    if (parser_.GetState() == RequestParser::State::kEmpty) {
      SetTimer(owner_->GetLimits().request_milliseconds);
    }
    input_.erase(0, parser_.Feed(input_));
    if (parser_.TakeExpectsContinue()) Queue("HTTP/1.1 100 Continue\r\n\r\n");
    if (parser_.GetState() == RequestParser::State::kBroken) {
      Refuse(parser_.Error());
    } else if (parser_.GetState() == RequestParser::State::kComplete) {
      Dispatch();
    }
  }
}

void Connection::Dispatch() {
  uv_timer_stop(&timer_);
  state_ = State::kAnswering;
  keep_alive_ = parser_.KeepAlive();
  is_head_ = parser_.IsHead();
  is_http10_ = parser_.IsHttp10();
  stream_begun_ = false;
  Request request = parser_.Take();
  request.peer = peer_;
  parser_.Reset();
  exchange_ = std::make_shared<Exchange>(owner_->WakerOf(id_));
  // Last: the handler may close the server.
  owner_->Handle(std::move(request), Reply(std::make_shared<Reply::Channel>(exchange_)));
}

void Connection::Refuse(const ProtocolError& error) {
  state_ = State::kAnswering;
  keep_alive_ = false;
  input_.clear();
  Exchange::Output output;
  output.status = error.status;
  output.bytes = api::ToJson(Error(CodeOf(error.status), error.message));
  SendWhole(std::move(output));
}

void Connection::Pump() {
  while (state_ == State::kAnswering && exchange_ && UnsentBytes() < kUnsentBytes) {
    Exchange::Output output = exchange_->Take(kUnsentBytes);
    if (output.kind == Exchange::Kind::kNothing) return;
    if (output.kind == Exchange::Kind::kWhole) {
      SendWhole(std::move(output));
      return;
    }
    if (!std::exchange(stream_begun_, true)) SendStreamHead(output.content_type);
    const bool nothing_new = output.bytes.empty();
    if (!is_head_) Queue(is_http10_ ? std::move(output.bytes) : FormatChunk(output.bytes));
    if (output.broken) {
      Close();
    } else if (output.ended) {
      if (!is_head_ && !is_http10_) Queue(std::string(kLastChunk));
      AnswerQueued();
    } else if (nothing_new) {
      return;
    }
  }
}

void Connection::SendWhole(Exchange::Output output) {
  if (owner_->Closing()) keep_alive_ = false;
  ResponseHead head;
  head.status = output.status;
  head.headers = std::move(output.headers);
  head.keep_alive = keep_alive_;
  head.content_length = output.bytes.size();
  const bool has_body = !is_head_ && output.status != 204;
  Queue(FormatHead(head) + (has_body ? output.bytes : std::string()));
  AnswerQueued();
}

void Connection::SendStreamHead(std::string_view content_type) {
  if (owner_->Closing() || is_http10_) keep_alive_ = false;
  ResponseHead head;
  head.content_type = content_type;
  head.keep_alive = keep_alive_;
  head.chunked = !is_http10_;
  head.until_close = is_http10_;
  Queue(FormatHead(head));
}

void Connection::Queue(std::string bytes) {
  if (state_ == State::kClosed || bytes.empty()) return;
  auto write = std::make_unique<Write>();
  write->bytes = std::move(bytes);
  write->connection = this;
  const uv_buf_t buffer = uv_buf_init(write->bytes.data(), static_cast<unsigned>(write->bytes.size()));
  const int code = uv_write(&write->request, reinterpret_cast<uv_stream_t*>(&pipe_), &buffer, 1,
                            [](uv_write_t* request, int status) {
                              const std::unique_ptr<Write> done(reinterpret_cast<Write*>(request));
                              done->connection->Written(status);
                            });
  if (code == 0) {
    static_cast<void>(write.release());  // comes back in the callback
  } else {
    Close();
  }
}

void Connection::Written(int status) {
  if (state_ == State::kClosed) return;
  if (status < 0) {
    Close();
  } else if (state_ == State::kAnswering) {
    Pump();
  } else if (state_ == State::kFlushing && UnsentBytes() == 0) {
    AnswerSent();
  }
}

size_t Connection::UnsentBytes() const {
  return uv_stream_get_write_queue_size(reinterpret_cast<const uv_stream_t*>(&pipe_));
}

void Connection::AnswerQueued() {
  if (state_ == State::kClosed) return;
  state_ = State::kFlushing;
  // Here and not in the callback: before that, the client may have read all of it and closed.
  if (UnsentBytes() == 0) exchange_.reset();
  // libuv always calls back after a write, also when the kernel took all of it at once. A client that does
  // not read must not keep its connection for ever.
  SetTimer(owner_->GetLimits().idle_milliseconds);
}

void Connection::AnswerSent() {
  exchange_.reset();
  if (!keep_alive_ || owner_->Closing()) {
    Linger();
    return;
  }
  state_ = State::kReading;
  SetTimer(owner_->GetLimits().idle_milliseconds);
  ReadMore();
  Process();
}

void Connection::Linger() {
  if (input_ended_) return Close();
  state_ = State::kLingering;
  input_.clear();
  auto shutdown = std::make_unique<uv_shutdown_t>();
  if (uv_shutdown(shutdown.get(), reinterpret_cast<uv_stream_t*>(&pipe_),
                  [](uv_shutdown_t* request, int) { delete request; }) != 0) {
    Close();
    return;
  }
  static_cast<void>(shutdown.release());
  SetTimer(kLingerMilliseconds);
  ReadMore();
}

void Connection::SetTimer(uint64_t milliseconds) {
  uv_timer_start(&timer_, OnTimer, milliseconds, 0);
}

void Connection::OnTimer(uv_timer_t* timer) {
  auto* self = static_cast<Connection*>(timer->data);
  if (self->state_ == State::kAnswering && !self->PeerGone()) {
    self->SetTimer(kLookMilliseconds);
  } else if (self->state_ == State::kReading &&
             self->parser_.GetState() == RequestParser::State::kReceiving) {
    self->Refuse({408, "the request did not arrive within " +
                           std::to_string(self->owner_->GetLimits().request_milliseconds) + " ms"});
  } else {
    self->Close();
  }
}

void Connection::CloseWhenIdle() {
  if (state_ == State::kReading || state_ == State::kLingering) Close();
}

void Connection::Orphan() {
  owner_ = nullptr;
  Close();
}

void Connection::Close() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  if (const std::shared_ptr<Exchange> exchange = std::move(exchange_)) exchange->MarkClientGone();
  uv_close(reinterpret_cast<uv_handle_t*>(&pipe_), OnHandleClosed);
  uv_close(reinterpret_cast<uv_handle_t*>(&timer_), OnHandleClosed);
}

void Connection::OnHandleClosed(uv_handle_t* handle) {
  auto* self = static_cast<Connection*>(handle->data);
  if (--self->open_handles_ > 0) return;
  if (self->owner_ != nullptr) self->owner_->ConnectionClosed(self->id_);
  delete self;
}

}  // namespace spawnd::daemon::http
