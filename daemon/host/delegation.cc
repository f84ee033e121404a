#include "daemon/host/delegation.h"

#include <fmt/format.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <thread>

#include "base/file.h"

namespace spawnd::daemon {
namespace {

constexpr const char* kUsualStateDirectory = "/var/lib/spawnd";
constexpr const char* kSlice = "system.slice";
constexpr std::chrono::milliseconds kPause{20};
constexpr int kAttempts = 250;
/// Of a unit's name, with its suffix.
constexpr size_t kLongestUnit = 255;

struct CloseBus {
  void operator()(sd_bus* bus) const { ::sd_bus_flush_close_unref(bus); }
};
using Bus = std::unique_ptr<sd_bus, CloseBus>;

struct FreeMessage {
  void operator()(sd_bus_message* message) const { ::sd_bus_message_unref(message); }
};
using BusMessage = std::unique_ptr<sd_bus_message, FreeMessage>;

/// The unit that this process is the service of, if it is one.
std::string OwnUnit() {
  char* name = nullptr;
  if (::sd_pid_get_unit(0, &name) < 0) return {};
  std::string unit(name);
  ::free(name);
  return unit.ends_with(".service") ? unit : "";
}

/// How the scope ends, which is at the end of the machine: after the daemon, which would start again what
/// ends, and before the disk goes. Keepers alone understand the signal, and need less than the time.
int AddEnd(sd_bus_message* message, const std::string& state_directory) {
  constexpr uint64_t kMicroseconds = 1'000'000;
  int added = ::sd_bus_message_append(
      message, "(sv)(sv)(sv)(sv)(sv)", "KillMode", "s", "control-group", "KillSignal", "i",
      int32_t{kScopeSignal}, "TimeoutStopUSec", "t", uint64_t{kScopeEnd.count()} * kMicroseconds, "After",
      "as", 1, "local-fs.target", "RequiresMountsFor", "as", 1, state_directory.c_str());
  const std::string own = OwnUnit();
  if (added >= 0 && !own.empty()) {
    added = ::sd_bus_message_append(message, "(sv)", "Before", "as", 1, own.c_str());
  }
  return added;
}

/// Asks systemd for a scope with `resident` in it. Delegate hands the group over. Without `state_directory`
/// as any systemd knows how to: its processes are left to the end of the machine.
Result<void> AskForScope(sd_bus* bus, const std::string& name, pid_t resident,
                         const std::string& state_directory) {
  sd_bus_message* made = nullptr;
  int done =
      ::sd_bus_message_new_method_call(bus, &made, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                                       "org.freedesktop.systemd1.Manager", "StartTransientUnit");
  const BusMessage message(made);
  if (done >= 0) done = ::sd_bus_message_append(made, "ss", name.c_str(), "fail");
  if (done >= 0) done = ::sd_bus_message_open_container(made, 'a', "(sv)");
  if (done >= 0) {
    done = ::sd_bus_message_append(made, "(sv)(sv)(sv)(sv)(sv)", "Description", "s", "Containers of spawnd",
                                   "Slice", "s", kSlice, "Delegate", "b", 1, "TasksMax", "t", ~uint64_t{0},
                                   "PIDs", "au", 1, static_cast<uint32_t>(resident));
  }
  if (done >= 0) {
    done = !state_directory.starts_with("/")
               ? ::sd_bus_message_append(made, "(sv)", "KillMode", "s", "process")
               : AddEnd(made, state_directory);
  }
  if (done >= 0) done = ::sd_bus_message_close_container(made);
  if (done >= 0) done = ::sd_bus_message_append(made, "a(sa(sv))", 0);
  sd_bus_error error = SD_BUS_ERROR_NULL;
  if (done >= 0) done = ::sd_bus_call(bus, made, 0, &error, nullptr);
  const std::string words = error.message != nullptr ? error.message : "";
  ::sd_bus_error_free(&error);
  if (done >= 0) return {};
  return Fail(ErrorCode::kUnsupported, fmt::format("systemd gives no scope '{}': {}", name,
                                                   words.empty() ? ErrnoError(-done, "it").message : words));
}

Result<void> StartScope(const std::string& name, pid_t resident, const std::string& state_directory) {
  sd_bus* opened = nullptr;
  const int connected = ::sd_bus_open_system(&opened);
  const Bus bus(opened);
  if (connected < 0) return FailErrno(-connected, "systemd cannot be asked for a scope over D-Bus");
  const auto asked = AskForScope(bus.get(), name, resident, state_directory);
  // An older one refuses what it does not know; limits matter more than how the scope ends.
  return asked ? asked : AskForScope(bus.get(), name, resident, "");
}

bool Join(const std::string& directory, pid_t resident) {
  std::ofstream file(directory + "/service/cgroup.procs");
  file << resident << std::flush;
  return static_cast<bool>(file);
}

bool IsIn(pid_t process, const std::string& group) {
  const std::string own = OwnGroup(TextOfFile(fmt::format("/proc/{}/cgroup", process))).value_or("");
  return !own.empty() && (own == group || own.starts_with(group + "/"));
}

/// Of an earlier launcher, as long as its containers run, or a new one.
Result<std::string> ScopeFor(pid_t resident, const std::string& mount, const std::string& name,
                             const std::string& state_directory) {
  const std::string group = fmt::format("/{}/{}", kSlice, name);
  if (Join(mount + group, resident)) return mount + group;
  // One whose last process has just ended is still known to systemd for a moment.
  Result<void> started;
  for (int attempt = 0; attempt < kAttempts / 10; ++attempt) {
    started = StartScope(name, resident, state_directory);
    if (started) break;
    std::this_thread::sleep_for(kPause);
  }
  if (!started) return Fail(std::move(started.error()));
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (IsIn(resident, group)) return mount + group;
    std::this_thread::sleep_for(kPause);
  }
  return Fail(ErrorCode::kUnsupported, "systemd does not put the launcher into the scope '" + name + "'");
}

}  // namespace

Result<std::string> GroupMount(const std::string& mountinfo) {
  std::istringstream lines(mountinfo);
  for (std::string line; std::getline(lines, line);) {
    // "31 23 0:27 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw"
    const size_t type = line.find(" - cgroup2 ");
    if (type == std::string::npos) continue;
    std::istringstream words(line);
    std::string word;
    for (int i = 0; i < 5; ++i) words >> word;
    return word;
  }
  return Fail(ErrorCode::kUnsupported, "cgroup v2 is not mounted");
}

Result<std::string> OwnGroup(const std::string& cgroup) {
  std::istringstream lines(cgroup);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("0::/")) return line.substr(3);
  }
  return Fail(ErrorCode::kUnsupported, "this process is in no group of cgroup v2");
}

std::string ScopeName(const std::string& state_directory) {
  std::string name = "spawnd-containers";
  if (state_directory != kUsualStateDirectory) {
    // As systemd-escape --path would, so that the name can be read.
    for (const char c : state_directory) {
      const bool plain =
          (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
      if (c == '/') {
        name += '-';
      } else if (plain) {
        name += c;
      } else {
        name += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
      }
    }
  }
  return name + ".scope";
}

Result<std::string> DelegatedGroup(pid_t resident, const std::string& state_directory) {
  TRY_ASSIGN(const std::string mount, GroupMount(TextOfFile("/proc/self/mountinfo")));
  if (TextOfFile(mount + "/cgroup.controllers").find_first_not_of(" \n") == std::string::npos) {
    return Fail(ErrorCode::kUnsupported,
                "cgroup v2 has no controllers on this machine; those of cgroup v1 are not used");
  }
  if (::sd_booted() > 0) {
    const std::string name = ScopeName(state_directory);
    if (name.size() > kLongestUnit) {
      return Fail(ErrorCode::kUnsupported, "the path of the state directory is too long for a unit's name");
    }
    return ScopeFor(resident, mount, name, state_directory);
  }
  TRY_ASSIGN(std::string own, OwnGroup(TextOfFile("/proc/self/cgroup")));
  if (own.size() == 1) own.clear();  // "/", the root itself
  return mount + own;
}

}  // namespace spawnd::daemon
