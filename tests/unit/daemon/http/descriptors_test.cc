/// Descriptors that come with a request, over a real socket.
#include "daemon/http/descriptors.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <future>
#include <string>
#include <vector>

#include "base/descriptors.h"
#include "tests/support/catch.h"
#include "tests/unit/daemon/http/running_server.h"

namespace spawnd::daemon::http {
namespace {

/// Sends `bytes` with `count` times the same descriptor.
bool SendWith(const Client& client, std::string_view bytes, int descriptor, size_t count) {
  const std::vector<int> descriptors(count, descriptor);
  std::vector<char> control(CMSG_SPACE(count * sizeof(int)));
  iovec data{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(count * sizeof(int));
  std::memcpy(CMSG_DATA(header), descriptors.data(), count * sizeof(int));
  return ::sendmsg(client.Fd(), &message, MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

/// How many descriptors of this process refer to the pipe that `fd` is an end of.
size_t CountOf(int fd) {
  struct stat wanted {};
  REQUIRE(::fstat(fd, &wanted) == 0);
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    struct stat st {};
    if (::fstat(std::stoi(entry.path().filename()), &st) == 0 && st.st_ino == wanted.st_ino &&
        st.st_dev == wanted.st_dev) {
      ++count;
    }
  }
  return count;
}

/// They are closed on threads of their own, soon.
bool OnlyOursAreLeft(int fd, size_t ours) {
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (CountOf(fd) != ours && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(1ms);
  return CountOf(fd) == ours;
}

std::string Post(size_t announced) {
  return "POST / HTTP/1.1\r\nSpawn-Descriptors: " + std::to_string(announced) +
         "\r\nContent-Length: 2\r\n\r\n{}";
}

/// Answers with the content of every descriptor that came.
void ReadAll(const Request& request, const Reply& reply) {
  std::string answer = "[";
  for (size_t i = 0; request.descriptors && i < request.descriptors->Size(); ++i) {
    const UniqueFd fd = request.descriptors->Take(i);
    std::array<char, 64> buffer{};
    const ssize_t n = ::pread(fd.Get(), buffer.data(), buffer.size(), 0);
    answer.append(buffer.data(), static_cast<size_t>(n > 0 ? n : 0)) += "|";
  }
  reply.Send(200, answer + "]");
}

UniqueFd FileWith(const std::string& text) {
  UniqueFd fd(::memfd_create("test", MFD_CLOEXEC));
  REQUIRE(WriteAll(fd.Get(), text) == 0);
  return fd;
}

TEST_CASE("descriptors come with the request that announces them") {
  const UniqueFd one = FileWith("one");
  Running server(ReadAll);
  Client client(server.Path());
  REQUIRE(SendWith(client, Post(2), one.Get(), 2));
  CHECK(client.Response().ends_with("[one|one|]"));
  REQUIRE(client.Send("GET / HTTP/1.1\r\n\r\n"));
  CHECK(client.Response().ends_with("[]"));
  REQUIRE(SendWith(client, Post(64), one.Get(), 64));
  CHECK(client.Response().find("one|one|one|") != std::string::npos);
  // The rest of the request may follow later.
  const std::string request = Post(1);
  REQUIRE(SendWith(client, request.substr(0, 5), one.Get(), 1));
  REQUIRE(client.Send(request.substr(5)));
  CHECK(client.Response().ends_with("[one|]"));
  CHECK(OnlyOursAreLeft(one.Get(), 1));
}

TEST_CASE("a request that does not get what it announces is refused") {
  const UniqueFd one = FileWith("one");
  Running server(ReadAll);
  const auto refused = [&](const std::string& request, size_t count, const std::string& words) {
    Client client(server.Path());
    if (count > 0) {
      REQUIRE(SendWith(client, request, one.Get(), count));
    } else {
      REQUIRE(client.Send(request));
    }
    const std::string response = client.Response();
    CHECK(StatusOf(response) == 400);
    CHECK(response.find(words) != std::string::npos);
    CHECK(client.UntilEnd().empty());
  };
  refused(Post(2), 0, "announces 2, and 0 came");
  refused(Post(2), 1, "announces 2, and 1 came");
  refused(Post(1), 2, "announces 1, and 2 came");
  refused(Post(65), 64, "no number from 0 to 64");
  refused(Post(64), 253, "more than 64 descriptors");
  refused("GET / HTTP/1.1\r\nSpawn-Descriptors: x\r\n\r\n", 1, "no number from 0 to 64: 'x'");
  refused("GET / HTTP/1.1\r\nSpawn-Descriptors: -1\r\n\r\n", 1, "no number from 0 to 64: '-1'");
  CHECK(OnlyOursAreLeft(one.Get(), 1));
}

TEST_CASE("descriptors that nobody asked for are closed") {
  const UniqueFd one = FileWith("one");
  Running server(ReadAll);
  Client client(server.Path());
  for (int i = 0; i < 5; ++i) {
    REQUIRE(SendWith(client, "GET / HTTP/1.1\r\n\r\n", one.Get(), 3));
    CHECK(client.Response().ends_with("[]"));
  }
  CHECK(OnlyOursAreLeft(one.Get(), 1));
  // A thousand, with one byte of a request at a time.
  Client flood(server.Path());
  for (int i = 0; i < 4; ++i) static_cast<void>(SendWith(flood, "G", one.Get(), 250));
  CHECK(flood.Response().find("more than 64 descriptors") != std::string::npos);
  flood.Close();
  // And by one that goes at once.
  for (int i = 0; i < 20; ++i) {
    Client gone(server.Path());
    REQUIRE(SendWith(gone, Post(2), one.Get(), 2));
  }
  CHECK(OnlyOursAreLeft(one.Get(), 1));
  REQUIRE(client.Send("GET / HTTP/1.1\r\n\r\n"));
  CHECK(client.Response().ends_with("[]"));
}

TEST_CASE("a handler that keeps them keeps them open") {
  std::promise<std::shared_ptr<Descriptors>> kept;
  const UniqueFd one = FileWith("one");
  {
    Running server([&](const Request& request, const Reply& reply) {
      kept.set_value(request.descriptors);
      reply.Send(200, "");
    });
    Client client(server.Path());
    REQUIRE(SendWith(client, Post(1), one.Get(), 1));
    CHECK(StatusOf(client.Response()) == 200);
  }
  auto descriptors = kept.get_future().get();
  REQUIRE(descriptors);
  CHECK(CountOf(one.Get()) == 2);
  CHECK_FALSE(descriptors->Take(1).Valid());
  const UniqueFd taken = descriptors->Take(0);
  CHECK(taken.Valid());
  CHECK((::fcntl(taken.Get(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK_FALSE(descriptors->Take(0).Valid());
}

}  // namespace
}  // namespace spawnd::daemon::http
