#include "daemon/host/delegation.h"

#include <fmt/format.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <thread>

namespace spawnd::daemon {
namespace {

constexpr const char* kUsualStateDirectory = "/var/lib/spawnd";
constexpr const char* kSlice = "system.slice";
constexpr std::chrono::milliseconds kPause{20};
constexpr int kAttempts = 250;
/// Of a unit's name, with its suffix.
constexpr size_t kLongestUnit = 255;

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct CloseBus {
  void operator()(sd_bus* bus) const { ::sd_bus_flush_close_unref(bus); }
};
using Bus = std::unique_ptr<sd_bus, CloseBus>;

/// Asks systemd for a scope with `resident` in it. Delegate hands the group over; KillMode leaves the end of
/// its processes to the end of the machine, as for a service with KillMode=process.
Result<void> StartScope(const std::string& name, pid_t resident) {
  sd_bus* opened = nullptr;
  const int connected = ::sd_bus_open_system(&opened);
  const Bus bus(opened);
  if (connected < 0) return FailErrno(-connected, "systemd cannot be asked for a scope over D-Bus");
  sd_bus_error error = SD_BUS_ERROR_NULL;
  const int called = ::sd_bus_call_method(bus.get(), "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                                          "org.freedesktop.systemd1.Manager", "StartTransientUnit", &error,
                                          nullptr, "ssa(sv)a(sa(sv))", name.c_str(), "fail", 6,  //
                                          "Description", "s", "Containers of spawnd",            //
                                          "Slice", "s", kSlice,                                  //
                                          "Delegate", "b", 1,                                    //
                                          "KillMode", "s", "process",                            //
                                          "TasksMax", "t", ~uint64_t{0},                         //
                                          "PIDs", "au", 1, static_cast<uint32_t>(resident), 0);
  const std::string words = error.message != nullptr ? error.message : "";
  ::sd_bus_error_free(&error);
  if (called >= 0) return {};
  return Fail(ErrorCode::kUnsupported,
              fmt::format("systemd gives no scope '{}': {}", name,
                          words.empty() ? ErrnoError(-called, "it").message : words));
}

bool Join(const std::string& directory, pid_t resident) {
  std::ofstream file(directory + "/service/cgroup.procs");
  file << resident << std::flush;
  return static_cast<bool>(file);
}

bool IsIn(pid_t process, const std::string& group) {
  const std::string own = OwnGroup(ReadAll(fmt::format("/proc/{}/cgroup", process))).value_or("");
  return !own.empty() && (own == group || own.starts_with(group + "/"));
}

/// Of an earlier launcher, as long as its containers run, or a new one.
Result<std::string> ScopeFor(pid_t resident, const std::string& mount, const std::string& name) {
  const std::string group = fmt::format("/{}/{}", kSlice, name);
  if (Join(mount + group, resident)) return mount + group;
  // One whose last process has just ended is still known to systemd for a moment.
  Result<void> started;
  for (int attempt = 0; attempt < kAttempts / 10; ++attempt) {
    started = StartScope(name, resident);
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
  TRY_ASSIGN(const std::string mount, GroupMount(ReadAll("/proc/self/mountinfo")));
  if (ReadAll(mount + "/cgroup.controllers").find_first_not_of(" \n") == std::string::npos) {
    return Fail(ErrorCode::kUnsupported,
                "cgroup v2 has no controllers on this machine; those of cgroup v1 are not used");
  }
  if (::sd_booted() > 0) {
    const std::string name = ScopeName(state_directory);
    if (name.size() > kLongestUnit) {
      return Fail(ErrorCode::kUnsupported, "the path of the state directory is too long for a unit's name");
    }
    return ScopeFor(resident, mount, name);
  }
  TRY_ASSIGN(std::string own, OwnGroup(ReadAll("/proc/self/cgroup")));
  if (own.size() == 1) own.clear();  // "/", the root itself
  return mount + own;
}

}  // namespace spawnd::daemon
