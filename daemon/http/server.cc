/// Accepts connections and keeps them by number; connection.cc speaks HTTP.
#include "daemon/http/server.h"

#include <sys/socket.h>
#include <uv.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/descriptors.h"
#include "daemon/http/census.h"
#include "daemon/http/connection.h"
#include "daemon/loop/mailbox.h"

namespace spawnd::daemon::http {
namespace {

/// How long to wait with the next connection when there is no descriptor or memory for it.
constexpr uint64_t kPauseMilliseconds = 100;
constexpr int kAcceptsATurn = 32;
constexpr size_t kReadBufferBytes = 64 * 1024;

class UvServer final : public Server, public ConnectionOwner {
 public:
  UvServer(const Limits& limits, Handler handler)
      : limits_(limits), handler_(std::move(handler)), census_(limits) {}

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
    TRY(SetNonBlocking(listening_socket.Get()));
    auto listener = std::make_unique<Listener>();
    listener->socket = std::move(listening_socket);
    listener->server = this;
    int code = uv_poll_init(loop, &listener->poll, listener->socket.Get());
    if (code != 0) return FailErrno(-code, "cannot listen for clients");
    uv_timer_init(loop, &listener->pause);
    listener->poll.data = listener->pause.data = listener.get();
    listener_ = listener.release();  // from here on its handles own it
    return WatchListener(true);
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
  const std::shared_ptr<DescriptorCloser>& Closer() const override { return closer_; }

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
    if (const auto found = connections_.find(id); found != connections_.end()) {
      census_.Left(found->second->Uid(), refused_.erase(id) > 0);
      connections_.erase(found);
    }
    if (listener_ != nullptr) static_cast<void>(WatchListener(true));
    FinishWhenEmpty();
  }

  size_t ConnectionsOf(uid_t uid) const override { return census_.Of(uid); }
  ConnectionCounts Counts() const override { return {connections_.size(), accepted_, refused_ever_}; }

 private:
  /// Outlives the server until libuv has closed it.
  struct Listener {
    UniqueFd socket;
    uv_poll_t poll{};
    uv_timer_t pause{};
    int open_handles = 2;
    UvServer* server = nullptr;
  };

  Result<void> WatchListener(bool watched) {
    const int code =
        watched ? uv_poll_start(&listener_->poll, UV_READABLE, OnConnection) : uv_poll_stop(&listener_->poll);
    if (code != 0) return FailErrno(-code, "cannot listen for clients");
    return {};
  }

  static void OnConnection(uv_poll_t* handle, int status, int /*events*/) {
    UvServer* server = static_cast<Listener*>(handle->data)->server;
    if (status == 0 && server != nullptr) server->Accept();
  }

  static void OnPauseEnd(uv_timer_t* timer) {
    UvServer* server = static_cast<Listener*>(timer->data)->server;
    if (server != nullptr) static_cast<void>(server->WatchListener(true));
  }

  /// Some of those that wait: others have their turn, too, while somebody knocks and knocks.
  void Accept() {
    for (int i = 0; i < kAcceptsATurn && listener_ != nullptr; ++i) {
      UniqueFd socket(::accept4(listener_->socket.Get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!socket.Valid()) return AcceptFailed(errno);
      const uint64_t id = next_id_++;
      Connection* connection = Connection::Begin(listener_->poll.loop, std::move(socket), this, id);
      if (connection != nullptr) Admit(id, connection);
    }
  }

  void Admit(uint64_t id, Connection* connection) {
    const uid_t uid = connection->Uid();
    const auto refusal = census_.Admit(uid);
    ++accepted_;
    if (refusal) ++refused_ever_;
    // Who goes on knocking is not told why for ever: a refused one takes a place for as long as it is read.
    if (refusal && !census_.AdmitRefused(uid)) return connection->Orphan();
    connections_.emplace(id, connection);
    if (!refusal) return;
    refused_.insert(id);
    connection->TurnAway(refusal->status, refusal->why);
  }

  void AcceptFailed(int err) {
    if (err == EAGAIN || err == EINTR || err == ECONNABORTED) return;
    // They stay in line, so that the loop would come back at once.
    static_cast<void>(WatchListener(false));
    uv_timer_start(&listener_->pause, OnPauseEnd, kPauseMilliseconds, 0);
  }

  void CloseListener() {
    Listener* listener = std::exchange(listener_, nullptr);
    if (listener == nullptr) return;
    listener->server = nullptr;
    const auto closed = [](uv_handle_t* handle) {
      auto* gone = static_cast<Listener*>(handle->data);
      if (--gone->open_handles == 0) delete gone;
    };
    uv_close(reinterpret_cast<uv_handle_t*>(&listener->poll), closed);
    uv_close(reinterpret_cast<uv_handle_t*>(&listener->pause), closed);
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
  std::unordered_set<uint64_t> refused_;  ///< of these: told so, and on their way out
  Census census_;
  uint64_t accepted_ = 0;
  uint64_t refused_ever_ = 0;
  uint64_t next_id_ = 1;
  bool closing_ = false;
  std::function<void()> done_;
  std::array<char, kReadBufferBytes> read_buffer_{};
  const std::shared_ptr<DescriptorCloser> closer_ = std::make_shared<DescriptorCloser>();
};

}  // namespace

Result<std::unique_ptr<Server>> Server::Start(uv_loop_t* loop, UniqueFd listening_socket,
                                              const Limits& limits, Handler handler) {
  auto server = std::make_unique<UvServer>(limits, std::move(handler));
  TRY(server->Listen(loop, std::move(listening_socket)));
  return server;
}

}  // namespace spawnd::daemon::http
