#include "daemon/host/control_groups.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <sstream>
#include <thread>

#include "base/control_group.h"
#include "base/unique_fd.h"

namespace spawnd::daemon {
namespace {

/// The kernel's own period. Shorter ones cost more switches, longer ones make queries wait.
constexpr int64_t kCpuPeriodMicroseconds = 100'000;
/// A part of the limit that is taken back early: pages of files go before anything is killed. Small, because
/// whoever allocates above it is slowed down.
constexpr int64_t kHighPart = 32;
constexpr std::array<const char*, 4> kControllers{"memory", "pids", "cpu", "io"};
/// For the kernel to finish with processes that have been killed.
constexpr int kRemovalAttempts = 50;
constexpr std::chrono::milliseconds kRemovalPause{20};

Result<void> Write(const std::string& path, const std::string& text) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.Valid() || ::write(fd.Get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return FailErrno(errno, "cannot write '" + text + "' to '" + path + "'");
  }
  return {};
}

UniqueFd OpenGroup(const std::string& directory) {
  return UniqueFd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

std::string Read(const std::string& directory, const char* name) {
  const UniqueFd group = OpenGroup(directory);
  return group.Valid() ? ReadGroupFile(group.Get(), name).value_or("") : "";
}

int64_t ReadNumber(int group, const char* name) {
  return std::strtoll(ReadGroupFile(group, name).value_or("").c_str(), nullptr, 10);
}

Result<void> MakeGroup(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) {
    return FailErrno(errno, "cannot make the control group '" + path + "'");
  }
  return {};
}

bool HasWord(const std::string& text, const std::string& wanted) {
  std::istringstream words(text);
  return std::find(std::istream_iterator<std::string>(words), {}, wanted) !=
         std::istream_iterator<std::string>();
}

/// The controllers of `directory` that groups below it may use. Those it does not have are returned.
Result<std::vector<std::string>> HandDownControllers(const std::string& directory) {
  const std::string there = Read(directory, "cgroup.controllers");
  std::vector<std::string> missing;
  for (const char* controller : kControllers) {
    if (HasWord(there, controller)) {
      TRY(Write(directory + "/cgroup.subtree_control", std::string("+") + controller));
    } else {
      missing.emplace_back(controller);
    }
  }
  return missing;
}

/// Where in a container's group all that runs in it is.
std::string EngineGroup(const std::string& group) {
  return group + "/engine";
}

/// "max" for no limit.
std::string OrMax(int64_t number) {
  return number == 0 ? "max" : std::to_string(number);
}

/// A file is there when its controller is. Without it there is nothing to set, which Missing has said.
Result<void> Set(const std::string& directory, const char* name, const std::string& text) {
  const std::string path = directory + "/" + name;
  return ::access(path.c_str(), F_OK) == 0 ? Write(path, text) : Result<void>();
}

Result<void> SetMemory(const std::string& engine, int64_t bytes) {
  TRY(Set(engine, "memory.max", OrMax(bytes)));
  TRY(Set(engine, "memory.high", OrMax(bytes - bytes / kHighPart)));
  // A limit that swap could stretch would be none. One that is not limited swaps like everything else.
  TRY(Set(engine, "memory.swap.max", bytes == 0 ? "max" : "0"));
  // A server may survive the loss of one of its processes.
  return Set(engine, "memory.oom.group", "0");
}

Result<void> SetCpus(const std::string& engine, double cpus) {
  const auto quota = static_cast<int64_t>(std::llround(cpus * static_cast<double>(kCpuPeriodMicroseconds)));
  return Set(engine, "cpu.max", fmt::format("{} {}", OrMax(quota), kCpuPeriodMicroseconds));
}

Result<void> SetLimits(const std::string& group, const api::Limits& limits) {
  const std::string engine = EngineGroup(group);
  TRY(SetMemory(engine, limits.memory_bytes.value_or(0)));
  TRY(SetCpus(engine, limits.cpus.value_or(0)));
  TRY(Set(engine, "pids.max", OrMax(limits.pids.value_or(0))));
  TRY(Set(group, "cpu.weight", std::to_string(limits.cpu_weight.value_or(100))));
  // The second is that of the BFQ scheduler, which goes to 1000.
  const int64_t io = limits.io_weight.value_or(100);
  TRY(Set(group, "io.weight", std::to_string(io)));
  return Set(group, "io.bfq.weight", std::to_string(std::min<int64_t>(io, 1000)));
}

/// False while something runs in it.
bool RemoveGroup(const std::string& group) {
  ::rmdir(EngineGroup(group).c_str());
  ::rmdir((group + "/keeper").c_str());
  return ::rmdir(group.c_str()) == 0 || errno == ENOENT;
}

api::Usage UsageOf(int group) {
  api::Usage usage;
  usage.memory_bytes = ReadNumber(group, "memory.current");
  usage.memory_peak_bytes = ReadNumber(group, "memory.peak");
  usage.pids = ReadNumber(group, "pids.current");
  const std::string cpu = ReadGroupFile(group, "cpu.stat").value_or("");
  usage.cpu_seconds = static_cast<double>(NumberIn(cpu, "usage_usec") / 1000) / 1000;
  usage.oom_kills = OomKills(group);
  return usage;
}

bool IsOfContainerOrBuild(const std::string& name) {
  constexpr std::string_view kDigits = "0123456789";
  if (name.size() < 2 || (name[0] != 'c' && name[0] != 'b')) return false;
  const size_t id_end = name.find_first_not_of(kDigits, 1);
  if (id_end == std::string::npos) return true;
  // One of a container's volumes.
  return name[0] == 'c' && name[id_end] == 'v' && id_end + 1 < name.size() &&
         name.find_first_not_of(kDigits, id_end + 1) == std::string::npos;
}

}  // namespace

std::string ControlGroups::Directory() const {
  const std::scoped_lock lock(mutex_);
  return directory_;
}

bool ControlGroups::Enforced() const {
  return !Directory().empty();
}

std::vector<std::string> ControlGroups::Missing() const {
  const std::scoped_lock lock(mutex_);
  return missing_;
}

Result<void> ControlGroups::Enter(const std::string& directory, pid_t resident) {
  const std::string service = directory + "/service";
  TRY(MakeGroup(service));
  TRY(Write(service + "/cgroup.procs", std::to_string(resident)));
  // A group whose controllers are handed down may hold no process itself.
  const std::string own = std::to_string(::getpid());
  if (HasWord(Read(directory, "cgroup.procs"), own)) TRY(Write(service + "/cgroup.procs", own));
  return HandDown(directory);
}

Result<void> ControlGroups::HandDown(const std::string& directory) {
  TRY_ASSIGN(const std::vector<std::string> missing, HandDownControllers(directory));
  if (missing.size() == kControllers.size()) {
    return Fail(ErrorCode::kUnsupported, "the control group '" + directory + "' has no controllers");
  }
  const std::scoped_lock lock(mutex_);
  directory_ = directory;
  missing_ = missing;
  return {};
}

void ControlGroups::RemoveEmpty() const {
  const std::string directory = Directory();
  if (directory.empty()) return;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(directory.c_str()), ::closedir);
  for (const dirent* entry = nullptr; folder && (entry = ::readdir(folder.get())) != nullptr;) {
    const std::string name = entry->d_name;
    if (IsOfContainerOrBuild(name)) RemoveGroup(directory + "/" + name);
  }
}

Result<std::string> ControlGroups::Prepare(const std::string& name, const api::Limits& limits) const {
  const std::string directory = Directory();
  if (directory.empty()) return std::string();
  const std::string group = directory + "/" + name;
  TRY(MakeGroup(group));
  TRY(HandDownControllers(group).map([](const auto&) {}));
  TRY(MakeGroup(group + "/keeper"));
  TRY(MakeGroup(EngineGroup(group)));
  TRY(SetLimits(group, limits));
  return EngineGroup(group);
}

void ControlGroups::AdmitKeeper(const std::string& name, pid_t keeper) const {
  const std::string directory = Directory();
  if (directory.empty()) return;
  // One that has ended meanwhile is somebody else's concern.
  static_cast<void>(
      Write(directory + "/" + name + "/keeper/cgroup.procs", std::to_string(keeper)).has_value());
}

void ControlGroups::Remove(const std::string& name) const {
  const std::string directory = Directory();
  if (directory.empty()) return;
  const std::string group = directory + "/" + name;
  for (int attempt = 0; !RemoveGroup(group) && attempt < kRemovalAttempts; ++attempt) {
    static_cast<void>(Write(EngineGroup(group) + "/cgroup.kill", "1").has_value());
    std::this_thread::sleep_for(kRemovalPause);
  }
}

ControlGroups::Look ControlGroups::LookAt(const std::string& name) const {
  Look look;
  const std::string directory = Directory();
  const UniqueFd engine = OpenGroup(EngineGroup(directory + "/" + name));
  if (directory.empty() || !engine.Valid()) return look;
  look.usage = UsageOf(engine.Get());
  if (look.usage.oom_kills > 0) look.memory_ran_out = MemoryRanOut(engine.Get(), look.usage.oom_kills);
  return look;
}

api::Usage ControlGroups::LookAtAll() const {
  const std::string directory = Directory();
  const UniqueFd group = directory.empty() ? UniqueFd() : OpenGroup(directory);
  return group.Valid() ? UsageOf(group.Get()) : api::Usage();
}

}  // namespace spawnd::daemon
