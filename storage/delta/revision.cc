#include "storage/delta/revision.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>

#include "base/random.h"
#include "storage/checksum.h"
#include "storage/delta/block_map.h"
#include "storage/delta/delta_files.h"
#include "storage/delta/map_journal.h"
#include "storage/geometry.h"

namespace spawnd::storage {
namespace {

constexpr std::string_view kPrefix = "revision-";

tl::unexpected<Error> Damaged(const std::string& path, const std::string& how) {
  return Fail(ErrorCode::kCorrupt, "revision '" + path + "' is damaged: " + how,
              "The other revisions are not affected. A copy of the file from a backup can take its place.");
}

Result<std::unique_ptr<File>> OpenRevision(FileSystem& fs, const std::string& directory, uint32_t number) {
  auto file = fs.Open(directory + "/" + RevisionName(number), OpenMode::kRead);
  if (file || file.error().code != ErrorCode::kNotFound) return file;
  TRY_ASSIGN(const std::vector<uint32_t> numbers, ListRevisions(fs, directory));
  std::string there = "rev.0";
  for (const uint32_t other : numbers) there += ", rev." + std::to_string(other);
  return Fail(ErrorCode::kNotFound,
              "there is no revision 'rev." + std::to_string(number) + "' in '" + directory + "'",
              "There are: " + there + ".");
}

Result<void> CheckHeader(const JournalHeader& header, const RevisionOwner& owner, const std::string& path) {
  if (header.volume_bytes == owner.volume_bytes && header.image_identity == owner.image_identity) return {};
  return Fail(ErrorCode::kInvalidArgument, "'" + path + "' belongs to another volume or image");
}

/// Bytes of the volume, and of the file "data".
struct Bounds {
  uint64_t volume_bytes = 0;
  uint64_t data_bytes = 0;
};

Result<void> CheckRun(const MapRun& run, const Bounds& bounds, const std::string& path) {
  const bool in_slots = BlockMap::IsSlot(run.value);
  const uint64_t slots_end = in_slots ? uint64_t{BlockMap::SlotOf(run.value)} + run.count : 0;
  if ((uint64_t{run.block} + run.count) * kBlockSize > bounds.volume_bytes) {
    return Damaged(path, "it maps block " + std::to_string(run.block) + " beyond the end of the volume");
  }
  if (slots_end * kBlockSize > bounds.data_bytes) {
    return Damaged(path, "block " + std::to_string(run.block) + " is beyond the end of 'data'");
  }
  return {};
}

Result<uint64_t> DataBytes(FileSystem& fs, const std::string& directory) {
  TRY_ASSIGN(const auto data, fs.Open(directory + "/" + kDataName, OpenMode::kRead));
  return data->Size();
}

Result<void> RemoveIfThere(FileSystem& fs, const std::string& path) {
  auto removed = fs.Remove(path);
  if (!removed && removed.error().code == ErrorCode::kNotFound) return {};
  return removed;
}

/// Runs on their way into a journal, a record's worth at a time.
class RunWriter {
 public:
  explicit RunWriter(MapJournal& journal) : journal_(journal) {}
  Result<void> Add(const MapRun& run) {
    if (runs_.size() == kMaxRunsPerRecord) TRY(Flush());
    runs_.push_back(run);
    runs_.back().tag = kEpoch;
    return {};
  }
  Result<void> Finish() {
    if (!runs_.empty()) TRY(Flush());
    TRY(journal_.AppendCommit(kEpoch));
    return journal_.Sync();
  }

 private:
  /// Opening gives slots of revisions a tag of their own, whatever is written here.
  static constexpr Epoch kEpoch = 1;
  Result<void> Flush() {
    TRY(journal_.AppendRuns(kEpoch, runs_));
    runs_.clear();
    return {};
  }
  MapJournal& journal_;
  std::vector<MapRun> runs_;
};

}  // namespace

std::string RevisionName(uint32_t number) {
  return std::string(kPrefix) + std::to_string(number);
}

std::optional<uint32_t> RevisionNumber(std::string_view name) {
  if (!name.starts_with(kPrefix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  const bool ours = error == std::errc() && end == name.data() + name.size() && number > 0;
  return ours && std::to_string(number) == name ? std::optional(number) : std::nullopt;
}

Result<std::vector<uint32_t>> ListRevisions(FileSystem& fs, const std::string& directory) {
  TRY_ASSIGN(const auto names, fs.List(directory));
  std::vector<uint32_t> numbers;
  for (const std::string& name : names) {
    if (const auto number = RevisionNumber(name)) numbers.push_back(*number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

Result<JournalHeader> ReadRevision(FileSystem& fs, const std::string& directory, uint32_t number,
                                   const RevisionOwner& owner,
                                   const std::function<Result<void>(const MapRun&)>& on_run) {
  const std::string path = directory + "/" + RevisionName(number);
  TRY_ASSIGN(const auto file, OpenRevision(fs, directory, number));
  auto header = ReadJournalHeader(*file, path);
  if (!header && header.error().code == ErrorCode::kCorrupt) return Damaged(path, header.error().message);
  if (!header) return header;
  TRY(CheckHeader(*header, owner, path));
  TRY_ASSIGN(const uint64_t data_bytes, DataBytes(fs, directory));
  const Bounds bounds{.volume_bytes = owner.volume_bytes, .data_bytes = data_bytes};
  MapJournalReader reader(*file, header->salt);
  for (uint64_t next_block = 0;;) {
    TRY_ASSIGN(const auto record, reader.Next());
    if (!record) return Damaged(path, "its end is missing");
    if (record->type == RecordType::kCommit) break;
    for (size_t i = 0; i < record->RunCount(); ++i) {
      const MapRun run = record->Run(i);
      TRY(CheckRun(run, bounds, path));
      if (run.block < next_block) return Damaged(path, "it maps a block twice");
      next_block = uint64_t{run.block} + run.count;
      TRY(on_run(run));
    }
  }
  TRY_ASSIGN(const uint64_t size, file->Size());
  if (size != reader.Position()) return Damaged(path, "something follows its end");
  return header;
}

Result<void> RevertJournal(FileSystem& fs, const std::string& directory, const RevisionOwner& owner,
                           std::optional<uint32_t> revision) {
  const std::string path = directory + "/" + kJournalName;
  const std::string unpublished = directory + "/" + kUnpublishedJournalName;
  const std::string temporary = directory + "/" + kTemporaryJournalName;
  TRY_ASSIGN(const bool committed, fs.Exists(path));
  // Without a commit there is nothing to go back from but what this boot alone would believe.
  if (!revision && !committed) return RemoveIfThere(fs, unpublished);
  TRY(RemoveIfThere(fs, temporary));
  const std::string random = RandomId();
  // Without a boot id: nothing is to be believed that would come after the commit record.
  const JournalHeader header{.volume_bytes = owner.volume_bytes,
                             .image_identity = owner.image_identity,
                             .salt = Checksum(std::as_bytes(std::span(random))),
                             .boot_id = {}};
  TRY_ASSIGN(const auto journal, MapJournal::Create(fs, temporary, header));
  RunWriter writer(*journal);
  if (revision) {
    TRY(ReadRevision(fs, directory, *revision, owner, [&](const MapRun& run) { return writer.Add(run); }));
  }
  TRY(writer.Finish());
  TRY(fs.Rename(temporary, path));
  return fs.SyncDirectory(directory);
}

}  // namespace spawnd::storage
