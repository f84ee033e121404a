#include "tests/support/recording_file_system.h"

#include <algorithm>
#include <cstring>
#include <thread>

namespace spawnd::testing {
namespace {

using Kind = LoggedOperation::Kind;
constexpr size_t kSector = 512;

bool ChangesBytes(Kind kind) {
  return kind == Kind::kWrite || kind == Kind::kTruncate || kind == Kind::kPunch;
}

bool ChangesNames(Kind kind) {
  return kind == Kind::kCreate || kind == Kind::kRename || kind == Kind::kRemove ||
         kind == Kind::kMakeDirectory || kind == Kind::kRemoveDirectory;
}

void GrowTo(std::vector<std::byte>& bytes, uint64_t size) {
  if (bytes.size() < size) bytes.resize(size);
}

// Which sectors of a torn write arrived: scattered, and the same each time for the same operation.
bool SectorArrived(size_t index, size_t sector) {
  uint64_t mixed = (index + 1) * 0x9E3779B97F4A7C15U + sector * 0xC2B2AE3D27D4EB4FU;
  mixed ^= mixed >> 29;
  mixed *= 0xBF58476D1CE4E5B9U;
  return (mixed >> 40 & 1) != 0;
}

}  // namespace

class RecordingFile final : public File {
 public:
  RecordingFile(RecordingFileSystem& fs, int inode) : fs_(fs), inode_(inode) {}

  Result<size_t> ReadAt(uint64_t offset, std::span<std::byte> out) override {
    const std::lock_guard lock(fs_.mutex_);
    if (auto fault = fs_.Fault("read", false)) return Fail(*fault);
    const auto& bytes = fs_.now_.contents[inode_];
    if (offset >= bytes.size() || out.empty()) return size_t{0};
    const size_t n = std::min<size_t>(out.size(), bytes.size() - offset);
    std::memcpy(out.data(), bytes.data() + offset, n);
    return n;
  }

  Result<void> WriteAt(uint64_t offset, std::span<const std::byte> data) override {
    if (fs_.before_write_) fs_.before_write_(data);
    const std::lock_guard lock(fs_.mutex_);
    const auto fault = fs_.Fault("write", true);
    if (fault) data = data.first(data.size() * static_cast<size_t>(fs_.fail_written_eighths_) / 8);
    if (!data.empty()) {
      fs_.Log({.kind = Kind::kWrite, .inode = inode_, .offset = offset, .data = {data.begin(), data.end()}});
    }
    if (fault) return Fail(*fault);
    return {};
  }

  Result<void> Sync() override {
    const size_t begun = fs_.LogSize();
    if (fs_.sync_delay_.count() > 0) std::this_thread::sleep_for(fs_.sync_delay_);
    const std::lock_guard lock(fs_.mutex_);
    if (auto fault = fs_.Fault("sync", false)) {
      fs_.Log({.kind = Kind::kFailedSync, .inode = inode_});
      return Fail(*fault);
    }
    if (!fs_.SyncIsLost(fs_.NameOf(inode_))) {
      fs_.Log({.kind = Kind::kSync, .inode = inode_, .covers = begun});
    }
    return {};
  }

  Result<void> Truncate(uint64_t size) override {
    const std::lock_guard lock(fs_.mutex_);
    if (auto fault = fs_.Fault("truncate", false)) return Fail(*fault);
    fs_.Log({.kind = Kind::kTruncate, .inode = inode_, .offset = size});
    return {};
  }

  Result<void> PunchHole(uint64_t offset, uint64_t length) override {
    const std::lock_guard lock(fs_.mutex_);
    if (auto fault = fs_.Fault("punch a hole", false)) return Fail(*fault);
    fs_.Log({.kind = Kind::kPunch, .inode = inode_, .offset = offset, .length = length});
    return {};
  }

  Result<uint64_t> Size() override {
    const std::lock_guard lock(fs_.mutex_);
    if (auto fault = fs_.Fault("stat", false)) return Fail(*fault);
    return fs_.now_.contents[inode_].size();
  }

 private:
  RecordingFileSystem& fs_;
  int inode_;
};

RecordingFileSystem::RecordingFileSystem() : RecordingFileSystem(State{.directories = {"/"}}) {}

RecordingFileSystem::RecordingFileSystem(State state) : start_(std::move(state)), now_(start_) {
  for (const auto& [inode, bytes] : start_.contents) next_inode_ = std::max(next_inode_, inode + 1);
}

void RecordingFileSystem::Log(LoggedOperation operation) {
  operation.at_ns = std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
  Apply(now_, operation, Fate::kKept, log_.size());
  log_.push_back(std::move(operation));
}

std::optional<Error> RecordingFileSystem::Fault(const char* what, bool needs_space) {
  ++calls_;
  if (calls_ < fail_first_ || calls_ >= fail_first_ + fail_count_) return std::nullopt;
  if (fail_code_ == ErrorCode::kNoSpace && !needs_space) return std::nullopt;
  fault_happened_ = true;
  return Error(fail_code_, std::string("cannot ") + what + ": fault wanted by the test");
}

bool RecordingFileSystem::SyncIsLost(const std::string& path) const {
  return lose_sync_ && lose_sync_(path);
}

std::string RecordingFileSystem::NameOf(int inode) const {
  for (const auto& [name, owner] : now_.names) {
    if (owner == inode) return name;
  }
  return {};
}

Result<std::unique_ptr<File>> RecordingFileSystem::Open(const std::string& path, OpenMode mode) {
  const std::lock_guard lock(mutex_);
  const auto found = now_.names.find(path);
  const bool missing = found == now_.names.end();
  if (auto fault = Fault("open", missing)) return Fail(*fault);
  if (!missing && mode == OpenMode::kCreateNew) {
    return Fail(ErrorCode::kAlreadyExists, "cannot open '" + path + "': there already");
  }
  if (!missing) return std::make_unique<RecordingFile>(*this, found->second);
  if (mode == OpenMode::kRead || mode == OpenMode::kReadWrite) {
    return Fail(ErrorCode::kNotFound, "cannot open '" + path + "': not there");
  }
  if (!now_.directories.contains(DirectoryOf(path))) {
    return Fail(ErrorCode::kNotFound, "cannot make '" + path + "': no such directory");
  }
  const int inode = next_inode_++;
  Log({.kind = Kind::kCreate, .inode = inode, .path = path});
  return std::make_unique<RecordingFile>(*this, inode);
}

Result<void> RecordingFileSystem::Rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  if (auto fault = Fault("rename", false)) return Fail(*fault);
  const auto found = now_.names.find(from);
  if (found == now_.names.end()) return Fail(ErrorCode::kNotFound, "cannot rename '" + from + "'");
  Log({.kind = Kind::kRename, .inode = found->second, .path = from, .new_path = to});
  return {};
}

Result<void> RecordingFileSystem::Remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (auto fault = Fault("remove", false)) return Fail(*fault);
  const auto found = now_.names.find(path);
  if (found == now_.names.end()) return Fail(ErrorCode::kNotFound, "cannot remove '" + path + "'");
  Log({.kind = Kind::kRemove, .inode = found->second, .path = path});
  return {};
}

Result<bool> RecordingFileSystem::Exists(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (auto fault = Fault("look", false)) return Fail(*fault);
  return now_.names.contains(path) || now_.directories.contains(path);
}

Result<void> RecordingFileSystem::CreateDirectory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (auto fault = Fault("make a directory", true)) return Fail(*fault);
  if (!now_.directories.contains(path)) Log({.kind = Kind::kMakeDirectory, .path = path});
  return {};
}

Result<void> RecordingFileSystem::RemoveDirectory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (auto fault = Fault("remove a directory", false)) return Fail(*fault);
  if (!now_.directories.contains(path)) return Fail(ErrorCode::kNotFound, "no directory '" + path + "'");
  Log({.kind = Kind::kRemoveDirectory, .path = path});
  return {};
}

Result<std::vector<std::string>> RecordingFileSystem::List(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (auto fault = Fault("list", false)) return Fail(*fault);
  std::vector<std::string> names;
  for (const auto& [name, inode] : now_.names) {
    if (DirectoryOf(name) == path) names.push_back(name.substr(name.rfind('/') + 1));
  }
  return names;
}

Result<void> RecordingFileSystem::SyncDirectory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (auto fault = Fault("sync a directory", false)) return Fail(*fault);
  if (!SyncIsLost(path)) Log({.kind = Kind::kSyncDirectory, .path = path});
  return {};
}

size_t RecordingFileSystem::LogSize() const {
  const std::lock_guard lock(mutex_);
  return log_.size();
}

LoggedOperation RecordingFileSystem::LogEntry(size_t index) const {
  const std::lock_guard lock(mutex_);
  return log_.at(index);
}

void RecordingFileSystem::FailCalls(uint64_t first, uint64_t count, ErrorCode code, int written_eighths) {
  const std::lock_guard lock(mutex_);
  fail_first_ = first;
  fail_count_ = count;
  fail_code_ = code;
  fail_written_eighths_ = written_eighths;
}

uint64_t RecordingFileSystem::Calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

bool RecordingFileSystem::FaultHappened() const {
  const std::lock_guard lock(mutex_);
  return fault_happened_;
}

void RecordingFileSystem::LoseSyncs(std::function<bool(const std::string& path)> predicate) {
  const std::lock_guard lock(mutex_);
  lose_sync_ = std::move(predicate);
}

std::vector<bool> RecordingFileSystem::CoveredBySync(size_t operations) const {
  std::vector<bool> covered(operations);
  std::map<int, size_t> synced_files;  // up to which place in the log
  std::set<std::string> synced_directories;
  for (size_t i = operations; i-- > 0;) {
    const LoggedOperation& operation = log_[i];
    if (operation.kind == Kind::kSync) {
      size_t& synced = synced_files[operation.inode];
      synced = std::max(synced, operation.covers);
    }
    if (operation.kind == Kind::kSyncDirectory) synced_directories.insert(operation.path);
    const auto synced = synced_files.find(operation.inode);
    covered[i] = (ChangesBytes(operation.kind) && synced != synced_files.end() && i < synced->second) ||
                 (ChangesNames(operation.kind) && synced_directories.contains(DirectoryOf(operation.path)));
  }
  return covered;
}

std::unique_ptr<RecordingFileSystem> RecordingFileSystem::AfterPowerCut(
    size_t operations, const std::function<Fate(size_t, const LoggedOperation&)>& fate) const {
  const std::lock_guard lock(mutex_);
  const std::vector<bool> covered = CoveredBySync(operations);
  State state = start_;
  for (size_t i = 0; i < operations; ++i) {
    Apply(state, log_[i], covered[i] ? Fate::kKept : fate(i, log_[i]), i);
  }
  // A file whose directory did not come into being cannot be found.
  std::erase_if(state.names,
                [&](const auto& entry) { return !state.directories.contains(DirectoryOf(entry.first)); });
  return std::unique_ptr<RecordingFileSystem>(new RecordingFileSystem(std::move(state)));
}

std::unique_ptr<RecordingFileSystem> RecordingFileSystem::AfterProcessDeath(size_t operations,
                                                                            bool failed_syncs_lose) const {
  const std::lock_guard lock(mutex_);
  std::vector<bool> lost(operations);
  std::set<int> failed;
  for (size_t i = operations; i-- > 0;) {
    if (log_[i].kind == Kind::kFailedSync) failed.insert(log_[i].inode);
    if (log_[i].kind == Kind::kSync) failed.erase(log_[i].inode);
    lost[i] = failed_syncs_lose && log_[i].kind == Kind::kWrite && failed.contains(log_[i].inode);
  }
  State state = start_;
  for (size_t i = 0; i < operations; ++i) Apply(state, log_[i], lost[i] ? Fate::kZeros : Fate::kKept, i);
  return std::unique_ptr<RecordingFileSystem>(new RecordingFileSystem(std::move(state)));
}

void RecordingFileSystem::ApplyWrite(std::vector<std::byte>& bytes, const LoggedOperation& operation,
                                     Fate fate, size_t index) {
  GrowTo(bytes, operation.offset + operation.data.size());
  for (size_t at = 0; at < operation.data.size() && fate != Fate::kZeros;) {
    const uint64_t position = operation.offset + at;
    const size_t n = std::min(operation.data.size() - at, kSector - position % kSector);
    if (fate == Fate::kKept || SectorArrived(index, position / kSector)) {
      std::memcpy(bytes.data() + position, operation.data.data() + at, n);
    }
    at += n;
  }
}

void RecordingFileSystem::Apply(State& state, const LoggedOperation& operation, Fate fate, size_t index) {
  if (fate == Fate::kDropped) return;
  if (fate == Fate::kZeros && operation.kind != Kind::kWrite) return;
  std::vector<std::byte>& bytes = state.contents[operation.inode];
  switch (operation.kind) {
    case Kind::kWrite:
      return ApplyWrite(bytes, operation, fate, index);
    case Kind::kTruncate:
      return bytes.resize(operation.offset);
    case Kind::kPunch: {
      const uint64_t end = std::min<uint64_t>(operation.offset + operation.length, bytes.size());
      if (operation.offset < end) std::memset(bytes.data() + operation.offset, 0, end - operation.offset);
      return;
    }
    case Kind::kCreate:
      state.names[operation.path] = operation.inode;
      return;
    case Kind::kRename:
      state.names.erase(operation.path);
      state.names[operation.new_path] = operation.inode;
      return;
    case Kind::kRemove:
      state.names.erase(operation.path);
      return;
    case Kind::kMakeDirectory:
      state.directories.insert(operation.path);
      return;
    case Kind::kRemoveDirectory:
      state.directories.erase(operation.path);
      return;
    case Kind::kSync:
    case Kind::kFailedSync:
    case Kind::kSyncDirectory:
      return;
  }
}

}  // namespace spawnd::testing
