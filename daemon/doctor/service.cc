#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/process.h"
#include "base/unique_fd.h"
#include "daemon/doctor/checks.h"
#include "daemon/door/door.h"
#include "daemon/host/ports.h"
#include "engines/registry.h"

namespace spawnd::daemon {
namespace {

constexpr std::chrono::seconds kQuestionDeadline{5};
constexpr size_t kMostAnswer = 4096;

/// The one word that systemctl answers with; empty when it could not be asked.
std::string AskSystemd(const std::string& question, const std::string& unit) {
  SpawnOptions options;
  options.argv = {"/usr/bin/systemctl", question, unit};
  options.env = {"LC_ALL=C", "PATH=/usr/bin:/bin"};
  const auto answer = RunAndCapture(options, kQuestionDeadline, kMostAnswer);
  if (!answer) return {};
  return answer->output.substr(0, answer->output.find('\n'));
}

Diagnoses CheckUnit(const std::string& unit) {
  const std::string enabled = AskSystemd("is-enabled", unit);
  const std::string active = AskSystemd("is-active", unit);
  if (enabled == "masked") {
    return {{"units", kBad, unit + " is masked",
             fmt::format("systemctl unmask {0} && systemctl enable --now {0}", unit)}};
  }
  if (enabled.empty() || active.empty())
    return {{"units", kWarning, "systemctl does not answer about " + unit, ""}};
  if (active == "failed") {
    return {{"units", kBad, unit + " has failed", "journalctl -u spawnd -n 50; systemctl restart " + unit}};
  }
  if (active != "active") {
    return {{"units", kWarning, fmt::format("{} is {}", unit, active), "systemctl start " + unit}};
  }
  if (enabled != "enabled") {
    return {{"units", kWarning,
             fmt::format("{} runs, but does not start with the machine ({})", unit, enabled),
             "systemctl enable " + unit}};
  }
  return {};
}

/// errno of a connection; 0: somebody listens.
int Knock(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return ENAMETOOLONG;
  path.copy(&address.sun_path[0], path.size());
  const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.Valid()) return errno;
  const auto* any = reinterpret_cast<const sockaddr*>(&address);
  // Full is not dead.
  if (::connect(socket.Get(), any, sizeof address) != 0 && errno != EAGAIN) return errno;
  return 0;
}

}  // namespace

Diagnoses CheckUnits() {
  struct stat folder {};
  // sd_booted(3)
  if (::lstat("/run/systemd/system", &folder) != 0) {
    return {{"units", kWarning, "systemd does not run here: nothing starts spawnd with the machine", ""}};
  }
  Diagnoses found;
  for (const char* unit : {"spawnd.socket", "spawnd.service"}) {
    for (api::Diagnosis& one : CheckUnit(unit)) found.push_back(std::move(one));
  }
  if (found.empty())
    found.push_back({"units", kGood, "spawnd.socket and spawnd.service run and are enabled", ""});
  return found;
}

Diagnoses CheckProgram() {
  std::array<char, 4096> path{};
  const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size() - 1);
  const std::string program(path.data(), length > 0 ? static_cast<size_t>(length) : 0);
  if (program.ends_with(" (deleted)")) {
    return {{"program", kWarning, "this spawnd is older than the one that is installed",
             "systemctl restart spawnd: no container is touched"}};
  }
  return {{"program", kGood, program, ""}};
}

Diagnoses CheckSocket(const DoctorSubject& subject) {
  struct stat socket {};
  if (::stat(subject.socket_path.c_str(), &socket) != 0) {
    return {{"socket", kWarning, fmt::format("'{}': {}", subject.socket_path, ::strerror(errno)),
             "systemctl start spawnd.socket"}};
  }
  if ((socket.st_mode & S_IFMT) != S_IFSOCK || (socket.st_mode & 007U) != 0) {
    return {{"socket", kBad,
             fmt::format("'{}' is no socket of ours, or open to everybody (mode {:o})", subject.socket_path,
                         socket.st_mode & 07777U),
             "systemctl restart spawnd.socket"}};
  }
  if (const int err = Knock(subject.socket_path); err != 0) {
    return {{"socket", kWarning,
             fmt::format("nobody listens on '{}': {}", subject.socket_path, ::strerror(err)),
             "systemctl start spawnd.socket"}};
  }
  return {{"socket", kGood, fmt::format("'{}'", subject.socket_path), ""}};
}

bool RangesOverlap(uint16_t first, uint16_t last, uint16_t other_first, uint16_t other_last) {
  return first <= other_last && other_first <= last;
}

Diagnoses CheckPorts(const DoctorSubject& subject) {
  std::ifstream file("/proc/sys/net/ipv4/ip_local_port_range");
  uint16_t first = 0;
  uint16_t last = 0;
  if (file >> first >> last && RangesOverlap(subject.first_port, subject.last_port, first, last)) {
    return {{"ports", kWarning,
             fmt::format("the kernel gives ports of {}-{} to connections, also those of containers ({}-{})",
                         first, last, subject.first_port, subject.last_port),
             "Set portRange in spawnd.yaml, or: sysctl -w net.ipv4.ip_local_port_range='32768 60999'"}};
  }
  const std::vector<std::string> addresses =
      AddressesOf({subject.host, subject.first_port, subject.also_listen});
  Diagnoses found;
  for (const std::string& address : addresses) {
    if (HasAddress(address)) continue;
    found.push_back(
        {"ports", addresses.size() == 1 ? kBad : kWarning,
         fmt::format("{} is no address of this machine", address),
         "Set listen in spawnd.yaml to those that `ip addr` shows, or bring up its interface: containers "
         "are reached there as soon as it is up"});
  }
  if (!found.empty()) return found;
  uint16_t port = subject.first_port;
  while (port < subject.last_port && !CanListen(subject.host, port)) ++port;
  if (!CanListen(subject.host, port)) {
    return {
        {"ports", kBad,
         fmt::format("no port of {}-{} is free on {}", subject.first_port, subject.last_port, subject.host),
         "Set a wider portRange in spawnd.yaml"}};
  }
  return {
      {"ports", kGood, fmt::format("{}-{} on {}", subject.first_port, subject.last_port, subject.host), ""}};
}

Diagnoses CheckEngines(const DoctorSubject& subject) {
  Diagnoses found;
  std::string good;
  for (const engines::Installation& one : subject.installations()) {
    const std::string name = one.version.empty() ? one.engine : one.engine + " " + one.version;
    if (one.problem.empty()) {
      good += (good.empty() ? "" : ", ") + name;
      continue;
    }
    found.push_back(
        {"engines", kWarning, fmt::format("{} in {} cannot be used: {}", name, one.root, one.problem), ""});
  }
  if (good.empty()) {
    const engines::Engine* first = engines::AllEngines().front();
    found.push_back({"engines", kBad, "no database server is installed that could be used",
                     std::string(first->InstallHint())});
  } else {
    found.insert(found.begin(), {"engines", kGood, good, ""});
  }
  return found;
}

}  // namespace spawnd::daemon
