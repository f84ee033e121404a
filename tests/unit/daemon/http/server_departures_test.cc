/// Clients that go away, wholly or half, before they have their answer.
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "daemon/http/server.h"
#include "tests/support/catch.h"
#include "tests/unit/daemon/http/running_server.h"

namespace spawnd::daemon::http {
namespace {

TEST_CASE("a client that closes its sending half gives up, and hears how that ended") {
  std::promise<void> undelivered;
  auto never = undelivered.get_future();
  Running* running = nullptr;
  Running server([&](const Request&, const Reply& reply) {
    reply.IfUndelivered([&] { undelivered.set_value(); });
    running->GetJobs().Run(kForDaemon, [reply](std::stop_token) {
      const auto deadline = std::chrono::steady_clock::now() + 10s;
      while (!reply.ClientGone().stop_requested() && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(1ms);
      }
      reply.Begin();
      reply.Line("taken back\n");
      reply.End();
    });
  });
  running = &server;
  Client client(server.Path());
  // What it sent ahead is given up, too.
  REQUIRE(client.Send("POST / HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\n\r\n"));
  ::shutdown(client.Fd(), SHUT_WR);
  const std::string answer = client.UntilEnd();
  CHECK(answer.find("taken back\n") != std::string::npos);
  CHECK(answer.ends_with("\r\n0\r\n\r\n"));
  CHECK(answer.find("HTTP/1.1", 1) == std::string::npos);
  CHECK(never.wait_for(0s) == std::future_status::timeout);
}

TEST_CASE("a client that gives up and then goes does not keep its place until its work's turn comes") {
  std::mutex mutex;
  std::vector<Reply> queued;
  std::atomic<int> gone = 0;
  Running server([&](const Request&, const Reply& reply) {
    reply.IfUndelivered([&] { ++gone; });
    const std::lock_guard lock(mutex);
    queued.push_back(reply);
  });
  const auto are_gone = [&](int count, std::chrono::milliseconds within) {
    const auto deadline = std::chrono::steady_clock::now() + within;
    while (gone < count && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(1ms);
    return gone == count;
  };
  Client patient(server.Path());
  REQUIRE(patient.Send("POST / HTTP/1.1\r\n\r\n"));
  ::shutdown(patient.Fd(), SHUT_WR);
  Client impatient(server.Path());
  REQUIRE(impatient.Send("POST / HTTP/1.1\r\n\r\n"));
  ::shutdown(impatient.Fd(), SHUT_WR);
  CHECK_FALSE(are_gone(1, 1200ms));  // longer than between two looks
  impatient.Close();
  CHECK(are_gone(1, 10s));
  {
    Client killed(server.Path());
    REQUIRE(killed.Send("POST / HTTP/1.1\r\n\r\n"));
  }
  CHECK(are_gone(2, 10s));
  {
    const std::lock_guard lock(mutex);
    for (const Reply& reply : queued) reply.Send(200, "its turn");
    queued.clear();
  }
  CHECK(patient.UntilEnd().ends_with("its turn"));
  CHECK(gone == 2);
}

/// Waits until `end` has come, and leaves all of it where it is.
bool IsThereUnread(int fd, const std::string& end) {
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (std::chrono::steady_clock::now() < deadline) {
    std::string bytes(4096, '\0');
    const ssize_t n = ::recv(fd, bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
    if (n > 0 && bytes.substr(0, static_cast<size_t>(n)).find(end) != std::string::npos) return true;
    std::this_thread::sleep_for(1ms);
  }
  return false;
}

TEST_CASE("an answer that its client cannot have read is told to the handler, one that it can have is not") {
  std::atomic<int> undelivered = 0;
  std::atomic<int> answered = 0;
  Running server([&](const Request& request, const Reply& reply) {
    reply.IfUndelivered([&] { ++undelivered; });
    // On the loop thread: whatever the client does meanwhile is noticed after the answer.
    const bool closed = request.path == std::vector<std::string>{"closed"};
    if (closed) std::this_thread::sleep_for(50ms);
    reply.Begin();
    reply.Line("an answer\n");
    reply.End();
    ++answered;
  });
  for (int i = 0; i < 20; ++i) {
    Client client(server.Path());
    REQUIRE(client.Send("GET /read HTTP/1.1\r\n\r\n"));
    // Closed the moment that the whole answer is there, or with it unread.
    if (i % 2 == 0) CHECK(client.Until("\r\n0\r\n\r\n").find("an answer\n") != std::string::npos);
    if (i % 2 != 0) CHECK(IsThereUnread(client.Fd(), "\r\n0\r\n\r\n"));
  }
  {
    Client client(server.Path());
    REQUIRE(client.Send("GET /last HTTP/1.1\r\nConnection: close\r\n\r\n"));
    CHECK_FALSE(client.UntilEnd().empty());
  }
  CHECK(undelivered == 0);
  constexpr int kClosed = 5;
  for (int i = 0; i < kClosed; ++i) {
    Client client(server.Path());
    REQUIRE(client.Send("GET /closed HTTP/1.1\r\n\r\n"));
  }
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (undelivered < kClosed && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(1ms);
  }
  CHECK(undelivered == kClosed);
  CHECK(answered == 21 + kClosed);
}

TEST_CASE("what is registered after the client has gone is called at once") {
  std::promise<bool> called;
  Running* running = nullptr;
  Running server([&](const Request&, const Reply& reply) {
    reply.Begin();
    reply.Line("hello\n");
    running->GetJobs().Run(kForDaemon, [&called, reply](std::stop_token) {
      while (!reply.ClientGone().stop_requested()) std::this_thread::sleep_for(1ms);
      reply.End();  // which cannot be sent, so that even its receiving half is known to be gone
      const auto undelivered = std::make_shared<std::atomic<bool>>(false);
      const auto deadline = std::chrono::steady_clock::now() + 10s;
      while (!*undelivered && std::chrono::steady_clock::now() < deadline) {
        reply.IfUndelivered([undelivered] { *undelivered = true; });
        std::this_thread::sleep_for(1ms);
      }
      called.set_value(*undelivered);
    });
  });
  running = &server;
  {
    Client client(server.Path());
    REQUIRE(client.Send("GET / HTTP/1.1\r\n\r\n"));
    CHECK(client.Until("hello\n").find("200 OK") != std::string::npos);
  }
  CHECK(called.get_future().get());
}

}  // namespace
}  // namespace spawnd::daemon::http
