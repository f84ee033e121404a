#include "daemon/door/asked_socket.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <string>
#include <string_view>

namespace spawnd::daemon {
namespace {

/// A line "NAME:\tVALUE" of a file in /proc.
std::string ProcField(const std::string& path, std::string_view name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(name)) continue;
    return line.substr(std::min(line.size(), line.find_first_not_of(" \t", name.size())));
  }
  return "";
}

/// The process of a thread, which is what asks.
pid_t ProcessOf(uint32_t thread) {
  const std::string text = ProcField("/proc/" + std::to_string(thread) + "/status", "Tgid:");
  pid_t process = 0;
  std::from_chars(text.data(), text.data() + text.size(), process);
  return process;
}

int OptionOf(int socket, int level, int name) {
  int value = -1;
  socklen_t length = sizeof value;
  return ::getsockopt(socket, level, name, &value, &length) == 0 ? value : -1;
}

}  // namespace

std::optional<SocketAddress> AskedAddress(const seccomp_notif& question) {
  SocketAddress address{};
  const size_t length = std::min<size_t>(question.data.args[2], sizeof address);
  iovec here{&address, length};
  iovec there{reinterpret_cast<void*>(question.data.args[1]), length};
  const ssize_t got = ::process_vm_readv(static_cast<pid_t>(question.pid), &here, 1, &there, 1, 0);
  if (got >= static_cast<ssize_t>(sizeof address.v4) && address.any.sa_family == AF_INET) return address;
  // The last member may be missing (RFC 2133).
  const bool is_v6 =
      got >= static_cast<ssize_t>(offsetof(sockaddr_in6, sin6_scope_id)) && address.any.sa_family == AF_INET6;
  return is_v6 ? std::optional(address) : std::nullopt;
}

std::optional<AskedSocket> AskedTcpSocket(const seccomp_notif& question) {
  const pid_t process = ProcessOf(question.pid);
  if (process <= 0) return std::nullopt;
  const UniqueFd handle(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
  if (!handle.Valid()) return std::nullopt;
  const int number = static_cast<int>(question.data.args[0]);
  AskedSocket asked;
  asked.socket.Reset(static_cast<int>(::syscall(SYS_pidfd_getfd, handle.Get(), number, 0)));
  if (!asked.socket.Valid()) return std::nullopt;
  if (OptionOf(asked.socket.Get(), SOL_SOCKET, SO_TYPE) != SOCK_STREAM ||
      OptionOf(asked.socket.Get(), SOL_SOCKET, SO_PROTOCOL) != IPPROTO_TCP) {
    return std::nullopt;
  }
  const std::string text =
      ProcField("/proc/" + std::to_string(process) + "/fdinfo/" + std::to_string(number), "flags:");
  std::from_chars(text.data(), text.data() + text.size(), asked.flags, 8);
  return asked;
}

bool StillAsked(int listener, const seccomp_notif& question) {
  return ::ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &question.id) == 0;
}

int PutSocketInPlace(int listener, const seccomp_notif& question, const AskedSocket& asked, int socket) {
  seccomp_notif_addfd addfd{};
  addfd.id = question.id;
  addfd.flags = SECCOMP_ADDFD_FLAG_SETFD;
  addfd.srcfd = static_cast<uint32_t>(socket);
  addfd.newfd = static_cast<uint32_t>(question.data.args[0]);
  addfd.newfd_flags = static_cast<uint32_t>(asked.flags & O_CLOEXEC);
  return ::ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &addfd) < 0 ? errno : 0;
}

}  // namespace spawnd::daemon
