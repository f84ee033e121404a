#include "daemon/events/webhook_sender.h"

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <optional>
#include <utility>

#include "api/json_reader.h"
#include "api/json_writer.h"
#include "base/process.h"

namespace spawnd::daemon {
namespace {

/// Libraries and threads of their own included.
constexpr uint64_t kMemory = uint64_t{1} << 30U;
/// Beyond what one delivery may take: then the process itself hangs.
constexpr int kAnswerMilliseconds = (kWebhookSeconds + 5) * 1000;

Result<std::string> FindProgram() {
  std::error_code error;
  const std::string running = std::filesystem::read_symlink("/proc/self/exe", error).string();
  const std::string folder = running.substr(0, running.rfind('/'));
  // Beside the daemon, in the build's tree for tests, and where it is installed.
  for (const char* place :
       {"/spawnd-webhook", "/../../../daemon/spawnd-webhook", "/../libexec/spawnd/spawnd-webhook"}) {
    if (std::string path = folder + place; ::access(path.c_str(), X_OK) == 0) return path;
  }
  return Fail(ErrorCode::kInternal, "spawnd-webhook is not installed beside '" + running + "'",
              "Install spawnd's package again.");
}

/// The administrator's proxies are the unit's environment.
std::vector<std::string> Proxies() {
  std::vector<std::string> environment;
  for (const char* name :
       {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"}) {
    if (const char* value = std::getenv(name)) environment.push_back(std::string(name) + "=" + value);
  }
  return environment;
}

}  // namespace

Result<void> WebhookSender::Start() {
  if (pid_ >= 0) return {};
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return FailErrno(errno, "cannot make a socket");
  UniqueFd ours(ends[0]);
  const UniqueFd theirs(ends[1]);
  SpawnOptions options;
  TRY_ASSIGN(const std::string program, FindProgram());
  options.argv = {program};
  options.env = Proxies();
  options.stdin_fd = options.stdout_fd = theirs.Get();
  if (::geteuid() == 0) options.identity = user_;
  options.no_new_privileges = true;
  options.no_capabilities = ::geteuid() == 0;
  options.limits = {{RLIMIT_AS, kMemory, kMemory}, {RLIMIT_CORE, 0, 0}};
  TRY_ASSIGN(pid_, Spawn(options));
  socket_ = std::move(ours);
  return {};
}

void WebhookSender::End() {
  if (pid_ >= 0) {
    ::kill(pid_, SIGKILL);
    WaitForExit(std::exchange(pid_, -1));
  }
  socket_.Reset();
}

Result<std::string> WebhookSender::ReadLine() {
  std::string line;
  std::array<char, 4096> buffer{};
  while (!line.ends_with('\n')) {
    pollfd wait{socket_.Get(), POLLIN, 0};
    if (::poll(&wait, 1, kAnswerMilliseconds) == 0)
      return Fail(ErrorCode::kTimeout, "spawnd-webhook does not answer");
    const ssize_t size = ::recv(socket_.Get(), buffer.data(), buffer.size(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0 || line.size() > kMaxWebhookLine)
      return Fail(ErrorCode::kInternal, "spawnd-webhook has ended");
    line.append(buffer.data(), static_cast<size_t>(size));
  }
  return line;
}

Result<WebhookAnswer> WebhookSender::Send(const WebhookOrder& order, const std::stop_token& stop) {
  TRY(Start());
  // Wakes the reader below at once.
  std::optional<std::stop_callback<std::function<void()>>> interrupt;
  interrupt.emplace(stop, [fd = socket_.Get()] { ::shutdown(fd, SHUT_RDWR); });
  const std::string line = api::JsonOf(order, api::Empties::kKeep) + "\n";
  std::string_view rest = line;
  Result<std::string> answer = Fail(ErrorCode::kInternal, "spawnd-webhook takes no order");
  while (!rest.empty()) {
    const ssize_t size = ::send(socket_.Get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    rest.remove_prefix(static_cast<size_t>(size));
  }
  if (rest.empty()) answer = ReadLine();
  interrupt.reset();  // before its descriptor is closed, or it would hit another of that number
  if (!answer) {
    End();
    if (stop.stop_requested()) return Fail(ErrorCode::kCancelled, "stopped");
    return Fail(std::move(answer.error()));
  }
  return api::ReadJson<WebhookAnswer>(*answer, api::kResponseLimits, api::Strictness::kLenient, "answer");
}

}  // namespace spawnd::daemon
