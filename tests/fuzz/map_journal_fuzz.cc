/// Opens a volume over arbitrary journal bytes. Magic, sequence and checksums are made right first (unless
/// the first byte says no), so that the fuzzer gets behind them to the records themselves.
#include <algorithm>
#include <array>
#include <cstring>

#include "storage/checksum.h"
#include "storage/delta/map_journal_format.h"
#include "storage/volume.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/support/recording_file_system.h"

namespace spawnd::fuzz {
namespace {

using storage::kBlockSize;
using storage::Volume;
using testing::RecordingFileSystem;

constexpr uint32_t kBlocks = 32;
constexpr uint64_t kSalt = 7;
constexpr uint8_t kLeaveChecksums = 1;
constexpr uint8_t kOtherBoot = 2;
constexpr uint8_t kUnpublished = 4;
constexpr uint8_t kRawHeader = 8;
constexpr size_t kRecordMagicBytes = 4;

std::array<std::byte, storage::kJournalHeaderBytes> Header(const std::string& boot_id) {
  return storage::EncodeJournalHeader({.volume_bytes = uint64_t{kBlocks} * kBlockSize,
                                       .image_identity = 0,
                                       .salt = kSalt,
                                       .boot_id = boot_id});
}

/// Makes one record after the other right in what recovery checks before it believes it.
void Repair(std::span<std::byte> records) {
  std::array<std::byte, storage::kMaxRecordBytes> model;
  storage::EncodeRecord(storage::RecordType::kCommit, 1, 1, kSalt, {}, model);
  for (uint64_t sequence = 1; records.size() >= storage::kRecordHeadBytes; ++sequence) {
    std::copy_n(model.begin(), kRecordMagicBytes, records.begin());
    storage::PutU64(records, 16, sequence);
    const size_t room = records.size() - storage::kRecordHeadBytes;
    uint32_t payload = storage::GetU32(records, 8);
    if (storage::GetU16(records, 4) % 2 == 0) {
      storage::PutU16(records, 4, 2);
      payload = 0;
    } else {
      storage::PutU16(records, 4, 1);
      payload = static_cast<uint32_t>(std::min<size_t>(payload % 512, room) / storage::kMapRunBytes *
                                      storage::kMapRunBytes);
    }
    storage::PutU32(records, 8, payload);
    const auto record = records.first(storage::kRecordHeadBytes + payload);
    const uint64_t seed = storage::Checksum(record.subspan(storage::kRecordHeadBytes), kSalt);
    storage::PutU64(records, 24, storage::Checksum(record.first(24), seed));
    records = records.subspan(record.size());
  }
}

void WriteFile(RecordingFileSystem& fs, const std::string& path, std::span<const std::byte> bytes) {
  const auto file = fs.Open(path, OpenMode::kCreateNew);
  Require(file && (*file)->WriteAt(0, bytes), "cannot write " + path);
}

void BuildDelta(RecordingFileSystem& fs, uint8_t flags, std::span<const std::byte> input) {
  Require(fs.CreateDirectory("/volume").has_value(), "no directory");
  std::vector<std::byte> journal;
  if ((flags & kRawHeader) == 0) {
    const auto header = Header("boot");
    journal.assign(header.begin(), header.end());
  }
  journal.insert(journal.end(), input.begin(), input.end());
  if ((flags & (kLeaveChecksums | kRawHeader)) == 0) {
    Repair(std::span(journal).subspan(storage::kJournalHeaderBytes));
  }
  WriteFile(fs, (flags & kUnpublished) != 0 ? "/volume/journal.new" : "/volume/journal", journal);
  std::vector<std::byte> data(static_cast<size_t>(flags >> 4) * 4 * kBlockSize);
  for (size_t i = 0; i < data.size(); i += kBlockSize) {
    std::memset(data.data() + i, static_cast<int>(i / kBlockSize + 1), kBlockSize);
  }
  WriteFile(fs, "/volume/data", data);
}

Result<std::unique_ptr<Volume>> Open(RecordingFileSystem& fs, const std::string& boot_id) {
  storage::VolumeOptions options;
  options.directory = "/volume";
  options.volume_bytes = uint64_t{kBlocks} * kBlockSize;
  options.boot_id = boot_id;
  return Volume::Open(fs, std::move(options));
}

std::vector<std::byte> ReadAll(Volume& volume) {
  std::vector<std::byte> bytes(size_t{kBlocks} * kBlockSize);
  const auto read = volume.Read(0, bytes);
  Require(read.has_value(), "a recovered volume cannot be read");
  return bytes;
}

bool Same(const std::vector<std::byte>& a, const std::vector<std::byte>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0;
}

/// Writes to a recovered volume and sees to it that nothing else changes.
void TryOut(Volume& volume, std::vector<std::byte> expected) {
  const std::vector<std::byte> block(kBlockSize, std::byte{0xEE});
  for (const uint32_t number : {3U, 0U, 20U}) {
    Require(volume.Write(uint64_t{number} * kBlockSize, block).has_value(), "cannot write after recovery");
    std::ranges::copy(block, expected.begin() + static_cast<std::ptrdiff_t>(number) * kBlockSize);
  }
  Require(volume.Discard(5 * kBlockSize, 2 * kBlockSize).has_value(), "cannot discard after recovery");
  std::fill_n(expected.begin() + 5 * kBlockSize, 2 * kBlockSize, std::byte{0});
  Require(volume.CommitEpoch().has_value(), "cannot commit after recovery");
  Require(Same(ReadAll(volume), expected), "a write after recovery changed something else");
}

void Run(Input input) {
  const auto flags = input.Take<uint8_t>();
  RecordingFileSystem fs;
  BuildDelta(fs, flags, input.Rest());
  auto volume = Open(fs, (flags & kOtherBoot) != 0 ? "other" : "boot");
  if (!volume) return RequireHonest(volume.error());
  const auto first = ReadAll(**volume);
  volume->reset();
  volume = Open(fs, "third");
  Require(volume.has_value(), "a recovered volume does not open again");
  Require(Same(ReadAll(**volume), first), "opening again gave another state");
  TryOut(**volume, first);
}

}  // namespace
}  // namespace spawnd::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  spawnd::fuzz::Run({data, size});
  return 0;
}
