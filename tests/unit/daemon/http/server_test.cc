/// The server on a real loop, a real Unix socket and real clients: each client blocks in a thread of the
/// test, the loop runs in another.
#include "daemon/http/server.h"

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
#include "daemon/loop/event_loop.h"
#include "daemon/loop/jobs.h"
#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"
#include "tests/unit/daemon/http/running_server.h"

namespace spawnd::daemon::http {
namespace {

TEST_CASE("a request split at every byte is answered, and the connection is kept") {
  Running server(Echo);
  Client client(server.Path());
  const std::string request = "POST /a%20b?q=1 HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello";
  for (size_t cut = 1; cut < request.size(); ++cut) {
    REQUIRE(client.Send(request.substr(0, cut)));
    REQUIRE(client.Send(request.substr(cut)));
    const std::string response = client.Response();
    REQUIRE(StatusOf(response) == 200);
    REQUIRE(response.ends_with("\r\n\r\nPOST /a b [hello]"));
  }
  for (const char byte : request) REQUIRE(client.Send({&byte, 1}));
  CHECK(client.Response().ends_with("[hello]"));
}

TEST_CASE("pipelined requests are answered one after the other, in order") {
  std::atomic<int> at_once = 0;
  std::atomic<int> most = 0;
  Running* running = nullptr;
  Running server([&](Request request, Reply reply) {
    most = std::max(most.load(), ++at_once);
    running->GetJobs().Run(kForDaemon, [&at_once, request, reply](std::stop_token) {
      std::this_thread::sleep_for(1ms);
      --at_once;
      Echo(request, reply);
    });
  });
  running = &server;
  Client client(server.Path());
  std::string all;
  constexpr int kRequests = 50;
  for (int i = 0; i < kRequests; ++i) all += "GET /" + std::to_string(i) + " HTTP/1.1\r\n\r\n";
  REQUIRE(client.Send(all));
  for (int i = 0; i < kRequests; ++i) {
    REQUIRE(client.Response().ends_with("GET /" + std::to_string(i) + " []"));
  }
  CHECK(most == 1);
}

TEST_CASE("more pipelined bytes than are kept wait in the socket") {
  Running server(Echo);
  Client client(server.Path());
  const std::string body(50'000, 'x');
  constexpr int kRequests = 20;
  std::thread sender([&] {
    for (int i = 0; i < kRequests; ++i) client.Send("PUT / HTTP/1.1\r\nContent-Length: 50000\r\n\r\n" + body);
  });
  for (int i = 0; i < kRequests; ++i) CHECK(client.Response().size() > body.size());
  sender.join();
}

TEST_CASE("HEAD has the head of GET and no body; 204 has neither length nor type") {
  Running server([](const Request& request, const Reply& reply) {
    reply.Send(request.path.empty() ? 200 : 204, request.path.empty() ? "12345" : "");
  });
  Client client(server.Path());
  REQUIRE(client.Send("HEAD / HTTP/1.1\r\n\r\nGET /gone HTTP/1.1\r\nConnection: close\r\n\r\n"));
  const std::string both = client.UntilEnd();
  CHECK(both.find("Content-Length: 5\r\n") != std::string::npos);
  CHECK(both.find("12345") == std::string::npos);
  CHECK(both.find("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n") != std::string::npos);
}

TEST_CASE("100 Continue comes before the body is sent, and a refusal instead of it") {
  Running server(Echo);
  Client client(server.Path());
  REQUIRE(client.Send("PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"));
  CHECK(client.Until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  REQUIRE(client.Send("abc"));
  CHECK(client.Response().ends_with("[abc]"));
  REQUIRE(client.Send("PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2000000\r\n\r\n"));
  CHECK(StatusOf(client.Response()) == 413);
}

TEST_CASE("broken and oversized requests are answered as JSON and closed") {
  Limits limits;
  limits.request_milliseconds = 200;
  Running server(Echo, limits);
  const auto refused = [&](const std::string& bytes, int status) {
    Client client(server.Path());
    client.Send(bytes);
    const std::string response = client.Response();
    INFO(bytes.substr(0, 60));
    CHECK(StatusOf(response) == status);
    CHECK(response.find("Connection: close\r\n") != std::string::npos);
    const size_t body = response.find("\r\n\r\n") + 4;
    CHECK_FALSE(api::ErrorFromJson(response.substr(body)).message.empty());
    CHECK(client.UntilEnd().empty());
  };
  refused("nonsense\r\n\r\n", 400);
  refused("GET /%0 HTTP/1.1\r\n\r\n", 400);
  refused("GET /" + std::string(5000, 'a') + " HTTP/1.1\r\n\r\n", 414);
  refused("GET / HTTP/1.1\r\nx: " + std::string(20'000, 'a') + "\r\n\r\n", 431);
  refused("GET / HTTP/2.0\r\n\r\n", 505);
  refused("POST / HTTP/1.1\r\nContent-Length: 1048577\r\n\r\n", 413);
  refused("GET / HTTP/1.1\r\nHost:", 408);
}

TEST_CASE("a client that is refused in the middle of a large body can read why") {
  Running server(Echo);
  Client client(server.Path());
  std::thread sender([&] {
    client.Send("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
    const std::string chunk = "10000\r\n" + std::string(65536, 'x') + "\r\n";
    for (int i = 0; i < 64; ++i) {
      if (!client.Send(chunk)) break;
    }
  });
  CHECK(StatusOf(client.Response()) == 413);
  sender.join();
}

TEST_CASE("an idle connection is closed, also one that never says a word") {
  Limits limits;
  limits.idle_milliseconds = 100;
  Running server(Echo, limits);
  Client silent(server.Path());
  CHECK(silent.UntilEnd().empty());
  Client idle(server.Path());
  REQUIRE(idle.Send("GET / HTTP/1.1\r\n\r\n"));
  CHECK(StatusOf(idle.Response()) == 200);
  CHECK(idle.UntilEnd().empty());
}

TEST_CASE("a stream is chunked JSON lines; to HTTP/1.0 it ends with the connection") {
  Running server([](const Request&, const Reply& reply) {
    reply.Begin();
    reply.Line("{\"a\":1}\n");
    reply.Line("{\"b\":2}\n");
    reply.End();
  });
  Client client(server.Path());
  REQUIRE(client.Send("GET / HTTP/1.1\r\n\r\n"));
  const std::string head = client.Until("\r\n\r\n");
  CHECK(head.find("Content-Type: application/x-ndjson\r\n") != std::string::npos);
  CHECK(head.find("Transfer-Encoding: chunked\r\n") != std::string::npos);
  CHECK(client.Until("0\r\n\r\n") == "10\r\n{\"a\":1}\n{\"b\":2}\n\r\n0\r\n\r\n");
  REQUIRE(client.Send("GET / HTTP/1.0\r\n\r\n"));
  const std::string old = client.UntilEnd();
  CHECK(old.find("chunked") == std::string::npos);
  CHECK(old.ends_with("\r\n\r\n{\"a\":1}\n{\"b\":2}\n"));
}

TEST_CASE("a slow reader costs bounded memory and still gets the last line") {
  Event produced;
  Running* running = nullptr;
  Running server([&](const Request&, const Reply& reply) {
    reply.Begin();
    running->GetJobs().Run(kForDaemon, [&produced, reply](std::stop_token) {
      const std::string padding(1000, '.');
      for (int i = 0; i < 100'000; ++i) reply.Line(std::to_string(i) + padding + "\n");  // 100 MB
      reply.Line("the result\n");
      reply.End();
      produced.Set();
    });
  });
  running = &server;
  Client client(server.Path());
  REQUIRE(client.Send("GET / HTTP/1.1\r\n\r\n"));
  produced.Wait();  // the client has read nothing; the job did not have to wait for it
  const std::string all = client.Until("\r\n0\r\n\r\n");
  CHECK(all.find("the result\n") != std::string::npos);
  CHECK(all.size() < 2 * 1024 * 1024);  // the queue, what libuv had, what the kernel's buffers took
}

TEST_CASE("lines from several threads are never torn") {
  Running* running = nullptr;
  Running server([&](const Request&, const Reply& reply) {
    reply.Begin();
    auto left = std::make_shared<std::atomic<int>>(4);
    for (int t = 0; t < 4; ++t) {
      running->GetJobs().Run(kForDaemon, [reply, t, left](std::stop_token) {
        for (int i = 0; i < 200; ++i) reply.Line(std::string(20, static_cast<char>('a' + t)) + "\n");
        if (--*left == 0) reply.End();
      });
    }
  });
  running = &server;
  Client client(server.Path());
  REQUIRE(client.Send("GET / HTTP/1.0\r\n\r\n"));
  const std::string all = client.UntilEnd();
  const std::string body = all.substr(all.find("\r\n\r\n") + 4);
  CHECK(body.size() == 4 * 200 * 21);
  for (size_t i = 0; i < body.size(); i += 21) {
    REQUIRE(body.substr(i, 21) == std::string(20, body[i]) + "\n");
  }
}

TEST_CASE("a client that goes away is told to the handler, and what is said then is dropped") {
  std::promise<bool> told;
  Running* running = nullptr;
  Running server([&](const Request& request, const Reply& reply) {
    reply.Begin();
    reply.Line("hello\n");
    if (!request.path.empty()) {
      reply.End();
      return;
    }
    running->GetJobs().Run(kForDaemon, [&told, reply](std::stop_token) {
      const auto deadline = std::chrono::steady_clock::now() + 10s;
      while (!reply.ClientGone().stop_requested() && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(1ms);
      }
      told.set_value(reply.ClientGone().stop_requested());
      for (int i = 0; i < 1000; ++i) reply.Line("into the void\n");
      reply.End();
    });
  });
  running = &server;
  {
    Client client(server.Path());
    REQUIRE(client.Send("GET / HTTP/1.1\r\n\r\n"));
    CHECK(client.Until("hello\n").find("200 OK") != std::string::npos);
  }
  CHECK(told.get_future().get());
  Client next(server.Path());  // the server is well
  REQUIRE(next.Send("GET /next HTTP/1.1\r\n\r\n"));
  CHECK(next.Until("hello\n").find("200 OK") != std::string::npos);
}

TEST_CASE("a handler that forgets to answer is a 500, or a stream that breaks") {
  Running server([](const Request& request, const Reply& reply) {
    if (request.path.empty()) return;
    reply.Begin();
    reply.Line("half\n");
  });
  Client client(server.Path());
  REQUIRE(client.Send("GET / HTTP/1.1\r\n\r\n"));
  const std::string response = client.Response();
  CHECK(StatusOf(response) == 500);
  CHECK(response.find("internal") != std::string::npos);
  REQUIRE(client.Send("GET /stream HTTP/1.1\r\n\r\n"));
  CHECK(client.UntilEnd().find("0\r\n\r\n") == std::string::npos);
}

TEST_CASE("the second answer to a request is ignored") {
  Running server([](const Request&, const Reply& reply) {
    reply.Send(201, "first");
    reply.Send(500, "second");
    reply.Begin();
    reply.Line("third\n");
    reply.End();
  });
  Client client(server.Path());
  REQUIRE(client.Send("GET / HTTP/1.1\r\nConnection: close\r\n\r\n"));
  const std::string all = client.UntilEnd();
  CHECK(StatusOf(all) == 201);
  CHECK(all.ends_with("\r\n\r\nfirst"));
}

/// A client that has been answered once and stays.
std::unique_ptr<Client> Stayed(const std::string& path) {
  auto client = std::make_unique<Client>(path);
  REQUIRE(client->Send("GET / HTTP/1.1\r\n\r\n"));
  REQUIRE(StatusOf(client->Response()) == 200);
  return client;
}

TEST_CASE("a connection beyond the limit is refused in words, at once, until one ends") {
  Limits limits;
  limits.connections = 4;
  limits.reserved_connections = 0;
  Running server(Echo, limits);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(Stayed(server.Path()));
  Client refused(server.Path());
  const std::string all = refused.UntilEnd();  // before it has asked for anything
  CHECK(StatusOf(all) == 503);
  CHECK(all.find("\"too_many\"") != std::string::npos);
  CHECK(all.find("the daemon has 4 connections") != std::string::npos);
  clients.pop_back();
  // Its place is free when the server has noticed.
  for (int i = 0; i < 1000; ++i) {
    Client late(server.Path());
    if (late.Send("GET /late HTTP/1.1\r\n\r\n") && StatusOf(late.Response()) == 200) return;
    std::this_thread::sleep_for(1ms);
  }
  FAIL("no place came free");
}

TEST_CASE("many clients at once") {
  Running* running = nullptr;
  Running server([&](const Request& request, const Reply& reply) {
    running->GetJobs().Run(kForDaemon, [request, reply](std::stop_token) { Echo(request, reply); });
  });
  running = &server;
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        Client client(server.Path());
        const std::string path = "/" + std::to_string(t) + "-" + std::to_string(i);
        if (!client.Send("GET " + path + " HTTP/1.1\r\n\r\n")) continue;
        if (client.Response().ends_with("GET " + path + " []")) ++good;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(good == 200);
}

TEST_CASE("closing waits for the answer that is due and takes no new request") {
  Event asked;
  Event go;
  Running* running = nullptr;
  Running server([&](const Request& request, const Reply& reply) {
    running->GetJobs().Run(kForDaemon, [&, request, reply](std::stop_token) {
      asked.Set();
      go.Wait();
      Echo(request, reply);
    });
  });
  running = &server;
  Client busy(server.Path());
  Client idle(server.Path());
  REQUIRE(busy.Send("GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n"));
  asked.Wait();
  Event done;
  server.BeginStop(done);
  CHECK(idle.UntilEnd().empty());
  go.Set();
  const std::string all = busy.UntilEnd();
  CHECK(all.find("Connection: close\r\n") != std::string::npos);
  CHECK(all.ends_with("GET /a []"));
  busy.Close();
  done.Wait();
}

TEST_CASE("a server that is destroyed with answers due tells their handlers") {
  ScratchDirectory scratch;
  auto loop = std::move(*EventLoop::Make());
  auto socket = OpenListenSocket(scratch / "s.sock");
  REQUIRE(socket);
  std::unique_ptr<Server> server;
  std::stop_token gone;
  std::unique_ptr<Reply> kept;
  server = std::move(
      *Server::Start(loop->Get(), std::move(socket->fd), {}, [&](const Request&, const Reply& reply) {
        gone = reply.ClientGone();
        kept = std::make_unique<Reply>(reply);
        server.reset();
      }));
  Client client(scratch / "s.sock");
  REQUIRE(client.Send("GET / HTTP/1.1\r\n\r\n"));
  loop->Run();  // ends because nothing is left
  CHECK(gone.stop_requested());
  kept->Send(200, "too late");
  kept.reset();
  CHECK(client.UntilEnd().empty());
}

TEST_CASE("the peer's user and all its groups are known") {
  std::promise<Peer> seen;
  Running server([&](const Request& request, const Reply& reply) {
    seen.set_value(request.peer);
    reply.Send(200, "");
  });
  const pid_t child = ::fork();
  if (child == 0) {
    // Many groups, more than the first guess has room for. Not root: the groups stay as they are.
    std::vector<gid_t> groups;
    for (gid_t g = 5000; g < 5100; ++g) groups.push_back(g);
    if (::geteuid() == 0 && ::setgroups(groups.size(), groups.data()) != 0) ::_exit(1);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, server.Path().c_str(), sizeof address.sun_path - 1);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) ::_exit(2);
    const std::string request = "GET / HTTP/1.1\r\n\r\n";
    if (::write(fd, request.data(), request.size()) < 0) ::_exit(3);
    char byte = 0;
    ::_exit(::read(fd, &byte, 1) == 1 ? 0 : 4);
  }
  CHECK(WaitForExit(child) == 0);
  const Peer peer = seen.get_future().get();
  CHECK(peer.pid == child);
  CHECK(peer.identity.uid == ::geteuid());
  CHECK(peer.identity.gid == ::getegid());
  if (::geteuid() == 0) {
    CHECK(peer.identity.groups.size() == 100);
  }
}

}  // namespace
}  // namespace spawnd::daemon::http
