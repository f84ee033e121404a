/// A server on a real loop in a thread of its own, and clients that block in the test's thread, over a real
/// Unix socket.
#pragma once

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <future>
#include <mutex>
#include <thread>

#include "api/error_codes.h"
#include "api/json.h"
#include "daemon/http/listen_socket.h"
#include "daemon/http/router.h"
#include "daemon/http/server.h"
#include "daemon/loop/event_loop.h"
#include "daemon/loop/jobs.h"
#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::daemon::http {

using namespace std::chrono_literals;

class Client {
 public:
  explicit Client(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    // Clients are made in threads too, where Catch cannot take an assertion: what follows fails instead.
    if (::connect(fd_.Get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fd_.Reset();
    // A hang is a failed test, not a stuck one.
    const timeval limit{20, 0};
    ::setsockopt(fd_.Get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }

  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_.Get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return true;
  }

  /// One more piece of what the server sends; false at the end.
  bool Receive() {
    std::array<char, 65536> buffer;
    const ssize_t n = ::recv(fd_.Get(), buffer.data(), buffer.size(), 0);
    if (n <= 0) return false;
    received_.append(buffer.data(), static_cast<size_t>(n));
    return true;
  }

  /// Receives until `text` has come; takes everything up to and with it.
  std::string Until(std::string_view text) {
    size_t at = 0;
    while ((at = received_.find(text)) == std::string::npos) {
      if (!Receive()) return "(ended) " + std::exchange(received_, {});
    }
    std::string taken = received_.substr(0, at + text.size());
    received_.erase(0, at + text.size());
    return taken;
  }

  std::string UntilEnd() {
    while (Receive()) {
    }
    return std::exchange(received_, {});
  }

  /// One response with a Content-Length.
  std::string Response() {
    std::string head = Until("\r\n\r\n");
    const size_t at = head.find("Content-Length: ");
    if (at == std::string::npos) return head;
    const size_t length = std::stoul(head.substr(at + 16));
    while (received_.size() < length) {
      if (!Receive()) return "(ended) " + head;
    }
    head += received_.substr(0, length);
    received_.erase(0, length);
    return head;
  }

  void Close() { fd_.Reset(); }
  int Fd() const { return fd_.Get(); }

 private:
  UniqueFd fd_;
  std::string received_;
};

/// Something that happens once. Not a std::promise: race detectors do not see how that one orders memory.
class Event {
 public:
  void Set() {
    const std::lock_guard lock(mutex_);
    happened_ = true;
    changed_.notify_all();
  }
  void Wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return happened_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool happened_ = false;
};

/// A server with its loop on a thread of its own. Handlers that answer later do so from jobs.
class Running {
 public:
  explicit Running(Handler handler, Limits limits = {}) : jobs_(Jobs::Start({4})) {
    Event ready;
    thread_ = std::thread([this, handler = std::move(handler), limits, &ready] {
      loop_ = std::move(*EventLoop::Make());
      mailbox_ = std::move(*MakeMailbox(loop_->Get()));
      auto socket = OpenListenSocket(Path());
      server_ = std::move(*Server::Start(loop_->Get(), std::move(socket->fd), limits, handler));
      ready.Set();
      loop_->Run();
      loop_.reset();
    });
    ready.Wait();
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() {
    Stop();
    thread_.join();
  }

  /// Graceful; returns when the server says that it is done.
  void Stop() {
    if (std::exchange(stopped_, true)) return;
    Event done;
    mailbox_->Post([&] {
      server_->Close([&] {
        server_.reset();
        done.Set();
      });
    });
    done.Wait();
    jobs_.reset();
    // The mailbox belongs to the loop thread.
    mailbox_->Post([this] { mailbox_.reset(); });
  }
  void BeginStop(Event& done) {
    stopped_ = true;
    mailbox_->Post([this, &done] {
      server_->Close([this, &done] {
        server_.reset();
        done.Set();
        mailbox_.reset();
      });
    });
  }

  Jobs& GetJobs() { return *jobs_; }
  std::string Path() const { return scratch_ / "s.sock"; }

 private:
  ScratchDirectory scratch_;
  std::unique_ptr<Jobs> jobs_;
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<Mailbox> mailbox_;
  std::unique_ptr<Server> server_;
  bool stopped_ = false;
  std::thread thread_;
};

/// Answers with what it was asked.
inline void Echo(const Request& request, const Reply& reply) {
  std::string path;
  for (const std::string& segment : request.path) path += "/" + segment;
  reply.Send(200, request.method + " " + path + " [" + request.body + "]");
}

inline int StatusOf(const std::string& response) {
  return response.starts_with("HTTP/1.1 ") ? std::stoi(response.substr(9, 3)) : 0;
}

}  // namespace spawnd::daemon::http
