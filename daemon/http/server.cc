/// Accepts connections and keeps them by number; connection.cc speaks HTTP.
#include "daemon/http/server.h"

#include <uv.h>

#include <array>
#include <csignal>
#include <unordered_map>
#include <utility>

#include "daemon/http/connection.h"
#include "daemon/loop/mailbox.h"

namespace spawnd::daemon::http {
namespace {

/// Connections that the kernel holds for us while the limit is reached.
constexpr int kBacklog = 128;
constexpr size_t kReadBufferBytes = 64 * 1024;

class UvServer final : public Server, public ConnectionOwner {
 public:
  UvServer(Limits limits, Handler handler) : limits_(limits), handler_(std::move(handler)) {}

  ~UvServer() override {
    mailbox_.reset();  // first: what waits in it refers to this object
    CloseListener();
    for (const auto& [id, connection] : connections_) connection->Orphan();
  }

  Result<void> Listen(uv_loop_t* loop, UniqueFd listening_socket) {
    // A client that goes away must be an error code of write, not the end of the daemon; libuv leaves this to
    // us.
    std::signal(SIGPIPE, SIG_IGN);
    TRY_ASSIGN(mailbox_, MakeMailbox(loop));
    listener_ = new Listener{{}, this};
    uv_pipe_init(loop, &listener_->pipe, 0);
    listener_->pipe.data = listener_;
    int code = uv_pipe_open(&listener_->pipe, listening_socket.Get());
    if (code == 0) {
      static_cast<void>(listening_socket.Release());
      code = uv_listen(reinterpret_cast<uv_stream_t*>(&listener_->pipe), kBacklog, OnConnection);
    }
    if (code != 0) return FailErrno(-code, "cannot listen for clients");
    return {};
  }

  void Close(std::function<void()> done) override {
    closing_ = true;
    done_ = std::move(done);
    CloseListener();
    for (const auto& [id, connection] : connections_) connection->CloseWhenIdle();
    // Never from inside this call; the mailbox is open until the end.
    mailbox_->Post([this] { FinishWhenEmpty(); });
  }

  const Limits& GetLimits() const override { return limits_; }
  bool Closing() const override { return closing_; }
  void Handle(Request request, Reply reply) override { handler_(std::move(request), std::move(reply)); }
  std::span<char> ReadBuffer() override { return read_buffer_; }

  std::function<void()> WakerOf(uint64_t id) override {
    // `this` is touched on the loop only, and only while the mailbox is open, which it is not after the
    // destructor.
    return [this, id, post = mailbox_->Posting()] {
      post([this, id] {
        if (const auto found = connections_.find(id); found != connections_.end()) found->second->Pump();
      });
    };
  }

  void ConnectionClosed(uint64_t id) override {
    connections_.erase(id);
    if (std::exchange(accept_waits_, false) && !closing_) AcceptOne();
    FinishWhenEmpty();
  }

 private:
  /// Outlives the server until libuv has closed it.
  struct Listener {
    uv_pipe_t pipe{};
    UvServer* server = nullptr;
  };

  static void OnConnection(uv_stream_t* stream, int status) {
    UvServer* server = static_cast<Listener*>(stream->data)->server;
    if (status == 0 && server != nullptr) server->AcceptOne();
  }

  void AcceptOne() {
    if (listener_ == nullptr) return;
    if (connections_.size() >= limits_.connections) {
      // libuv stops listening until uv_accept has taken the one it holds.
      accept_waits_ = true;
      return;
    }
    const uint64_t id = next_id_++;
    Connection* connection = Connection::Accept(reinterpret_cast<uv_stream_t*>(&listener_->pipe), this, id);
    if (connection != nullptr) connections_.emplace(id, connection);
  }

  void CloseListener() {
    Listener* listener = std::exchange(listener_, nullptr);
    if (listener == nullptr) return;
    listener->server = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&listener->pipe),
             [](uv_handle_t* handle) { delete static_cast<Listener*>(handle->data); });
  }

  void FinishWhenEmpty() {
    if (!closing_ || !connections_.empty() || !done_) return;
    mailbox_->Close();
    // Last: it may destroy this object.
    std::exchange(done_, nullptr)();
  }

  const Limits limits_;
  const Handler handler_;
  std::unique_ptr<Mailbox> mailbox_;
  Listener* listener_ = nullptr;
  std::unordered_map<uint64_t, Connection*> connections_;
  uint64_t next_id_ = 1;
  bool accept_waits_ = false;
  bool closing_ = false;
  std::function<void()> done_;
  std::array<char, kReadBufferBytes> read_buffer_{};
};

}  // namespace

Result<std::unique_ptr<Server>> Server::Start(uv_loop_t* loop, UniqueFd listening_socket, Limits limits,
                                              Handler handler) {
  auto server = std::make_unique<UvServer>(limits, std::move(handler));
  TRY(server->Listen(loop, std::move(listening_socket)));
  return server;
}

}  // namespace spawnd::daemon::http
