/// A volume as a disk, for tests from outside: what a keeper does with the store's code, without a container.
///
///   volume_tool serve mount=DIR [KEY=VALUE...]    one file DIR/volume over FUSE, until told to stop
///       directory=DELTA  size_mib=N  durability=everysec|always  boot_id=ID
///       record=1         the delta is in memory, and every operation on it is written down (command `cut`)
///       lose_syncs=NAME  of that delta's file NAME (data, journal): they do nothing and say that they did
///   volume_tool mount FILE DIRECTORY DURABILITY [format]    loop device and ext4, as a keeper mounts it
///   volume_tool unmount DIRECTORY
///   volume_tool trim DIRECTORY
///   volume_tool attach FILE PROGRAM...            runs the program with the loop device's path as last
///   argument
///
/// Whoever opens the file is another process than the one that serves it (storage/export/fuse_export.h);
/// hence commands of their own. `serve` reads commands from standard input and answers each with a line that
/// begins with "ok" or "error": `stop`, `usage`, `commit`, `cut SEED FROM_NS TO_NS DIRECTORY` (see
/// power_cuts.h). At the end of its input it dies, as by kill -9.
#include <unistd.h>

#include <condition_variable>
#include <cstdlib>
#include <iostream>
#include <map>
#include <mutex>
#include <sstream>
#include <thread>

#include "base/clock.h"
#include "base/process.h"
#include "storage/export/ext4.h"
#include "storage/export/fuse_export.h"
#include "storage/export/loop_device.h"
#include "storage/volume.h"
#include "tests/power/power_cuts.h"

namespace spawnd::testing {
namespace {

using storage::Volume;
using Settings = std::map<std::string, std::string>;

constexpr auto kCommitInterval = std::chrono::seconds(1);  // as a keeper's
constexpr int kServingThreads = 4;
/// About what an SSD takes: others get to write while a sync is under way.
constexpr auto kRecordedSyncTime = std::chrono::milliseconds(2);

std::string ValueOf(const Settings& settings, const std::string& key, const std::string& otherwise = {}) {
  const auto found = settings.find(key);
  return found == settings.end() ? otherwise : found->second;
}

/// What a keeper's committer does, and a note of when.
class Committer {
 public:
  explicit Committer(Volume& volume) : volume_(volume), thread_([this] { Run(); }) {}
  ~Committer() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  Result<void> Commit() {
    CommitTime time{.called_ns = MonotonicNanoseconds()};
    TRY(volume_.CommitEpoch());
    time.returned_ns = MonotonicNanoseconds();
    const std::lock_guard lock(mutex_);
    times_.push_back(time);
    return {};
  }
  std::vector<CommitTime> Times() {
    const std::lock_guard lock(mutex_);
    return times_;
  }

 private:
  void Run() {
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, kCommitInterval, [this] { return stop_; })) {
      lock.unlock();
      if (auto committed = Commit(); !committed) std::cerr << committed.error().message << '\n';
      lock.lock();
    }
  }

  Volume& volume_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  std::vector<CommitTime> times_;
  std::thread thread_;
};

struct Served {
  storage::Durability durability = storage::Durability::kEverySecond;
  std::unique_ptr<RecordingFileSystem> recording;
  std::unique_ptr<Volume> volume;
};

Result<Served> OpenVolume(const Settings& settings) {
  Served served;
  storage::VolumeOptions options;
  options.directory = ValueOf(settings, "directory", "/volume");
  options.volume_bytes = std::strtoull(ValueOf(settings, "size_mib", "512").c_str(), nullptr, 10) << 20;
  options.boot_id = ValueOf(settings, "boot_id");
  if (ValueOf(settings, "durability") == "always") options.durability = storage::Durability::kAlways;
  served.durability = options.durability;
  if (settings.contains("record")) {
    served.recording = std::make_unique<RecordingFileSystem>();
    served.recording->SlowSyncs(kRecordedSyncTime);
    if (const std::string lost = ValueOf(settings, "lose_syncs"); !lost.empty()) {
      served.recording->LoseSyncs([lost](const std::string& path) { return path == "/volume/" + lost; });
    }
  }
  FileSystem& fs = served.recording ? *served.recording : PosixFileSystem();
  TRY_ASSIGN(served.volume, Volume::Open(fs, std::move(options)));
  return served;
}

Result<std::string> Cut(std::istringstream& words, const Served& served, Committer& committer) {
  if (!served.recording) return Fail(ErrorCode::kInvalidArgument, "nothing is recorded");
  CutRequest request;
  words >> request.seed >> request.from_ns >> request.to_ns >> request.directory;
  request.promise_at_flush = served.durability == storage::Durability::kAlways;
  return CutPower(*served.recording, request, committer.Times());
}

Result<std::string> CarryOut(const std::string& line, const Served& served, Committer& committer) {
  std::istringstream words(line);
  std::string command;
  words >> command;
  if (command == "cut") return Cut(words, served, committer);
  if (command == "commit") return committer.Commit().map([] { return std::string(); });
  if (command == "usage") return std::to_string(served.volume->Usage().delta_bytes);
  return Fail(ErrorCode::kInvalidArgument, "unknown command '" + command + "'");
}

Result<void> Serve(const Settings& settings) {
  TRY_ASSIGN(const Served served, OpenVolume(settings));
  TRY_ASSIGN(auto fuse, storage::FuseExport::Mount(ValueOf(settings, "mount"), "volume"));
  TRY(fuse->Serve(*served.volume, kServingThreads));
  Committer committer(*served.volume);
  std::cout << "ok serving" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    if (line == "stop") {
      fuse.reset();
      TRY(committer.Commit());
      std::cout << "ok" << std::endl;
      return {};
    }
    const auto answer = CarryOut(line, served, committer);
    std::cout << (answer ? "ok " + *answer : "error " + answer.error().message) << std::endl;
  }
  ::_exit(1);  // nobody is there any more; the kernel takes the FUSE connection down
}

Result<void> Mount(const std::string& file, const std::string& directory, const std::string& durability,
                   bool format) {
  TRY_ASSIGN(const storage::LoopDevice device, storage::AttachLoopDevice(file));
  if (format) TRY(storage::FormatExt4(device.path));
  TRY_ASSIGN(const UniqueFd mount,
             storage::OpenExt4(device.path,
                               durability == "always" ? storage::Barriers::kOn : storage::Barriers::kOff));
  return storage::PlaceMount(mount.Get(), directory);
}

Result<void> RunAttached(const std::string& file, std::vector<std::string> argv) {
  TRY_ASSIGN(const storage::LoopDevice device, storage::AttachLoopDevice(file));
  SpawnOptions options;
  options.argv = std::move(argv);
  options.argv.push_back(device.path);
  options.env = {"PATH=" + std::string(::getenv("PATH"))};
  options.stdout_fd = STDOUT_FILENO;
  options.stderr_fd = STDERR_FILENO;
  TRY_ASSIGN(const pid_t pid, Spawn(options));
  if (WaitForExit(pid) == 0) return {};
  return Fail(ErrorCode::kInternal, "'" + options.argv[0] + "' failed");
}

Result<void> Run(const std::vector<std::string>& words) {
  const auto is = [&](const char* name, size_t least) { return words.size() > least && words[0] == name; };
  if (is("serve", 1)) {
    Settings settings;
    for (size_t i = 1; i < words.size(); ++i) {
      const size_t equals = words[i].find('=');
      settings[words[i].substr(0, equals)] = equals == std::string::npos ? "" : words[i].substr(equals + 1);
    }
    return Serve(settings);
  }
  if (is("mount", 3)) return Mount(words[1], words[2], words[3], words.size() > 4);
  if (is("unmount", 1)) return storage::UnmountFileSystem(words[1]);
  if (is("trim", 1)) return storage::TrimFileSystem(words[1]);
  if (is("attach", 2)) return RunAttached(words[1], {words.begin() + 2, words.end()});
  return Fail(ErrorCode::kInvalidArgument, "usage: see the head of tests/power/volume_tool.cc");
}

}  // namespace
}  // namespace spawnd::testing

int main(int argc, char** argv) {
  const auto done = spawnd::testing::Run({argv + 1, argv + argc});
  if (done) return 0;
  std::cout << "error " << done.error().message << std::endl;
  return 1;
}
