#include "daemon/containers/bound_clients.h"

#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <fstream>
#include <sstream>
#include <string_view>
#include <utility>

#include "daemon/catalog/catalog.h"
#include "daemon/containers/containers.h"

namespace spawnd::daemon {
namespace {

constexpr const char* kUnseen = "?";

std::string FirstLineOf(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// Field 22 of proc(5)'s stat: ticks since the boot; empty when there is no such process. The name, in
/// parentheses, may have anything in it.
std::string StartTimeOf(pid_t pid) {
  const std::string line = FirstLineOf("/proc/" + std::to_string(pid) + "/stat");
  const size_t end = line.rfind(')');
  if (end == std::string::npos) return {};
  std::istringstream fields(line.substr(end + 1));
  std::string field;
  for (int number = 3; number <= 22; ++number) {
    if (!(fields >> field)) return {};
  }
  return field;
}

std::string TextOfProcess(pid_t pid) {
  const std::string start = StartTimeOf(pid);
  if (start.empty()) return {};
  return FirstLineOf("/proc/sys/kernel/random/boot_id") + " " + std::to_string(pid) + " " + start;
}

pid_t PidIn(const std::string& text) {
  const size_t at = text.find(' ');
  pid_t pid = 0;
  if (at != std::string::npos) std::from_chars(text.data() + at + 1, text.data() + text.size(), pid);
  return pid;
}

/// A pidfd of the process that `text` tells of; null when that has ended.
std::shared_ptr<const UniqueFd> FindProcess(const std::string& text) {
  const pid_t pid = PidIn(text);
  if (pid <= 0) return nullptr;
  auto process = std::make_shared<const UniqueFd>(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  // Looked at once it is open: from there on the number is nobody else's.
  return process->Valid() && TextOfProcess(pid) == text ? process : nullptr;
}

}  // namespace

std::string TextOfClient(pid_t pid, int process_fd) {
  const std::string text = pid > 0 ? TextOfProcess(pid) : std::string();
  // Last: as long as the process is there, its number was its own.
  const bool is_there = ::syscall(SYS_pidfd_send_signal, process_fd, 0, nullptr, 0) == 0 || errno == EPERM;
  return is_there && !text.empty() ? text : kUnseen;
}

Result<void> BoundClients::Watch(int64_t container, std::shared_ptr<const UniqueFd> process) {
  TRY_ASSIGN(auto end, WatchReadable(loop_, process->Get(), [this, container] { ClientEnded(container); }));
  watched_.insert_or_assign(container, Watched{std::move(process), std::move(end)});
  return {};
}

void BoundClients::ClientEnded(int64_t container) {
  // The watch goes before its descriptor, and both outlive this call.
  const auto watched = watched_.extract(container);
  const auto row = catalog_.containers.ById(container);
  if (!row || row->client.empty() || row->state == ContainerState::kDeleting) return;
  spdlog::info("container {} ('{}') goes: the process that it was made for has ended", row->id, row->name);
  const auto because = catalog_.events.Because({.detail = "the process that it was made for has ended"});
  const auto deleted = containers_.Delete(container);
  if (!deleted) spdlog::error("container {}: {}", container, deleted.error().message);
}

Result<void> BoundClients::Adopt() {
  TRY_ASSIGN(const auto rows, catalog_.containers.List(Rows::kAll));
  for (const ContainerRow& row : rows) {
    if (row.client.empty() || row.client == kUnseen) continue;
    auto process = FindProcess(row.client);
    if (process == nullptr) {
      ClientEnded(row.id);
    } else {
      TRY(Watch(row.id, std::move(process)));
    }
  }
  return {};
}

}  // namespace spawnd::daemon
