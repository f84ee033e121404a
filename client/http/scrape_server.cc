#include "client/http/scrape_server.h"

#include <fmt/core.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

namespace spawnd::client {
namespace {

using std::chrono::steady_clock;

/// For one client, whatever it does: the next one waits.
constexpr std::chrono::seconds kPatience{2};
constexpr size_t kMostHeadBytes = 16 * 1024;
/// Where there is no descriptor for another connection.
constexpr int kPauseMilliseconds = 100;

/// Waits until `fd` is ready; false when it is not within the time, or the program is to end.
bool Ready(int fd, short events, int stop_fd, steady_clock::time_point deadline) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now()).count();
    if (left <= 0) return false;
    std::array<pollfd, 2> fds{{{fd, events, 0}, {stop_fd, POLLIN, 0}}};
    const int ready = ::poll(fds.data(), fds.size(), static_cast<int>(left));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0 || fds[1].revents != 0) return false;
    return true;
  }
}

std::string AnswerText(std::string_view status, std::string_view type, std::string_view body,
                       bool with_body) {
  return fmt::format("HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
                     status, type, body.size(), with_body ? body : "");
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return lower;
}

/// The value of a header; empty when there is none. Of what an Accept header may say only a word counts here.
std::string HeaderOf(std::string_view head, std::string_view name) {
  const std::string lower = Lower(head);
  const std::string sought = "\r\n" + std::string(name) + ":";
  const size_t found = lower.find(sought);
  if (found == std::string::npos) return {};
  const size_t begin = found + sought.size();
  return lower.substr(begin, lower.find("\r\n", begin) - begin);
}

}  // namespace

std::string ScrapeServer::AnswerTo(std::string_view head) const {
  constexpr std::string_view kPlain = "text/plain; charset=utf-8";
  const std::string_view line = head.substr(0, head.find("\r\n"));
  const size_t blank = line.find(' ');
  const std::string_view method = line.substr(0, blank);
  std::string_view target = blank == std::string_view::npos ? "" : line.substr(blank + 1);
  target = target.substr(0, target.find_first_of(" ?"));
  const bool wants_body = method != "HEAD";
  if (target.empty()) return AnswerText("400 Bad Request", kPlain, "this is no HTTP\n", true);
  if (method != "GET" && method != "HEAD")
    return AnswerText("405 Method Not Allowed", kPlain, "metrics are read with GET\n", true);
  if (target != "/metrics") return AnswerText("404 Not Found", kPlain, "there is /metrics\n", wants_body);
  const auto scraped = scrape_(HeaderOf(head, "accept"));
  if (!scraped)
    return AnswerText("503 Service Unavailable", kPlain, scraped.error().message + "\n", wants_body);
  return AnswerText("200 OK", scraped->content_type, scraped->body, wants_body);
}

void ScrapeServer::Serve(int fd, int stop_fd) const {
  std::string head;
  auto deadline = steady_clock::now() + kPatience;
  while (head.find("\r\n\r\n") == std::string::npos) {
    std::array<char, 4096> bytes{};
    if (head.size() > kMostHeadBytes || !Ready(fd, POLLIN, stop_fd, deadline)) return;
    const ssize_t count = ::recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) return;
    if (count > 0) head.append(bytes.data(), static_cast<size_t>(count));
  }
  const std::string answer = AnswerTo(head);
  deadline = steady_clock::now() + kPatience;
  for (std::string_view rest = answer; !rest.empty();) {
    if (!Ready(fd, POLLOUT, stop_fd, deadline)) return;
    const ssize_t count = ::send(fd, rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno != EAGAIN && errno != EINTR) return;
    if (count > 0) rest.remove_prefix(static_cast<size_t>(count));
  }
  ::shutdown(fd, SHUT_WR);
}

Result<void> ScrapeServer::RunUntil(int stop_fd) {
  while (true) {
    std::array<pollfd, 2> fds{{{listener_.Get(), POLLIN, 0}, {stop_fd, POLLIN, 0}}};
    if (::poll(fds.data(), fds.size(), -1) < 0) {
      if (errno == EINTR) continue;
      return FailErrno(errno, "cannot wait for clients");
    }
    if (fds[1].revents != 0) return {};
    const UniqueFd client(::accept4(listener_.Get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (client.Valid()) {
      Serve(client.Get(), stop_fd);
    } else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
      ::poll(&fds[1], 1, kPauseMilliseconds);
    }
  }
}

}  // namespace spawnd::client
