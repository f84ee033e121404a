#include "storage/delta/map_journal.h"

#include "storage/checksum.h"
#include "storage/delta/block_map.h"
#include "tests/unit/storage/seal_test_volume.h"

namespace spawnd::storage {
namespace {

using testing::ReadFile;
using testing::WriteFile;

const JournalHeader kHeader{.volume_bytes = 1 << 20, .image_identity = 77, .salt = 4711, .boot_id = "a boot"};

/// How many records the file yields; the first run's block of each is its number.
uint32_t CountRecords(const std::string& path) {
  const auto file = PosixFileSystem().Open(path, OpenMode::kRead).value();
  const JournalHeader header = ReadJournalHeader(*file, path).value();
  MapJournalReader reader(*file, header.salt);
  uint32_t count = 0;
  while (true) {
    const auto record = reader.Next().value();
    if (!record) return count;
    if (record->type == RecordType::kRuns) CHECK(record->Run(0).block == count);
    ++count;
  }
}

void WriteRecords(const std::string& path, uint32_t count) {
  const auto journal = MapJournal::Create(PosixFileSystem(), path, kHeader).value();
  for (uint32_t i = 0; i < count; ++i) {
    const MapRun run{.block = i, .count = 2, .value = BlockMap::ValueOf(i), .tag = 9};
    REQUIRE(journal->AppendRuns(9, std::span(&run, 1)));
  }
  REQUIRE(journal->Sync());
}

TEST_CASE("what is appended is read back in order") {
  const ScratchDirectory directory;
  const std::string path = directory / "journal";
  const auto journal = MapJournal::Create(PosixFileSystem(), path, kHeader).value();
  std::vector<MapRun> runs(kMaxRunsPerRecord);
  for (uint32_t i = 0; i < runs.size(); ++i) runs[i] = {.block = i, .count = 1, .value = i, .tag = 3};
  REQUIRE(journal->AppendRuns(3, runs));
  REQUIRE(journal->AppendCommit(3));
  REQUIRE(journal->AppendRuns(4, std::span(runs).first(1)));

  const auto file = PosixFileSystem().Open(path, OpenMode::kRead).value();
  const JournalHeader header = ReadJournalHeader(*file, path).value();
  CHECK(header.volume_bytes == kHeader.volume_bytes);
  CHECK(header.image_identity == 77);
  CHECK(header.boot_id == "a boot");
  MapJournalReader reader(*file, header.salt);
  auto record = reader.Next().value();
  REQUIRE(record);
  CHECK(record->epoch == 3);
  REQUIRE(record->RunCount() == runs.size());
  CHECK(record->Run(2047).value == 2047);
  record = reader.Next().value();
  REQUIRE(record);
  CHECK(record->type == RecordType::kCommit);
  record = reader.Next().value();
  REQUIRE(record);
  CHECK(record->epoch == 4);
  CHECK(reader.Position() == journal->Bytes());
  CHECK_FALSE(reader.Next().value());
}

TEST_CASE("a journal that keeps room ahead grows seldom, and holds the same records") {
  const ScratchDirectory directory;
  const std::string path = directory / "journal";
  const auto journal = MapJournal::Create(PosixFileSystem(), path, kHeader).value();
  journal->KeepRoomAhead();
  uint64_t size = 0;
  int grown = 0;
  constexpr uint32_t kRecords = 4000;
  for (uint32_t i = 0; i < kRecords; ++i) {
    const MapRun run{.block = i, .count = 2, .value = BlockMap::ValueOf(i), .tag = 9};
    REQUIRE(journal->AppendRuns(9, std::span(&run, 1)));
    const uint64_t now = journal->Underlying().Size().value();
    REQUIRE(now >= journal->Bytes());
    REQUIRE(now <= journal->Bytes() + kRoomAhead);
    if (now != size) ++grown;
    size = now;
  }
  CHECK(grown <= 5);  // 48 bytes a record
  CHECK(CountRecords(path) == kRecords);
}

TEST_CASE("a journal is made once") {
  const ScratchDirectory directory;
  REQUIRE(MapJournal::Create(PosixFileSystem(), directory / "journal", kHeader));
  CHECK(MapJournal::Create(PosixFileSystem(), directory / "journal", kHeader).error().code ==
        ErrorCode::kAlreadyExists);
}

TEST_CASE("reading stops at the first record that is not right, and never skips") {
  const ScratchDirectory directory;
  const std::string path = directory / "journal";
  WriteRecords(path, 10);
  CHECK(CountRecords(path) == 10);
  auto bytes = ReadFile(path);
  const size_t record = kRecordHeadBytes + kMapRunBytes;
  const size_t fifth = kJournalHeaderBytes + 5 * record;

  SECTION("any byte of it flipped") {
    for (size_t at = 0; at < record; ++at) {
      bytes[fifth + at] ^= std::byte{1};
      WriteFile(path, bytes);
      CHECK(CountRecords(path) == 5);
      bytes[fifth + at] ^= std::byte{1};
    }
  }
  SECTION("missing") {
    bytes.erase(bytes.begin() + fifth, bytes.begin() + fifth + record);
    WriteFile(path, bytes);
    CHECK(CountRecords(path) == 5);
  }
  SECTION("twice") {
    const testing::Bytes copy(bytes.begin() + fifth, bytes.begin() + fifth + record);
    bytes.insert(bytes.begin() + fifth, copy.begin(), copy.end());
    WriteFile(path, bytes);
    CHECK(CountRecords(path) == 6);
  }
  SECTION("cut off") {
    bytes.resize(fifth + record - 1);
    WriteFile(path, bytes);
    CHECK(CountRecords(path) == 5);
  }
}

TEST_CASE("records of another journal do not pass") {
  const ScratchDirectory directory;
  WriteRecords(directory / "one", 3);
  auto bytes = ReadFile(directory / "one");
  JournalHeader other = kHeader;
  other.salt = 4712;
  const auto header = EncodeJournalHeader(other);
  std::copy(header.begin(), header.end(), bytes.begin());
  WriteFile(directory / "two", bytes);
  CHECK(CountRecords(directory / "two") == 0);
}

TEST_CASE("headers are checked") {
  const ScratchDirectory directory;
  const std::string path = directory / "journal";
  WriteRecords(path, 1);
  auto bytes = ReadFile(path);
  const auto code = [&] {
    WriteFile(path, bytes);
    const auto file = PosixFileSystem().Open(path, OpenMode::kRead).value();
    return ReadJournalHeader(*file, path).error().code;
  };
  SECTION("a flipped bit") {
    bytes[40] ^= std::byte{1};
    CHECK(code() == ErrorCode::kCorrupt);
  }
  SECTION("too short") {
    bytes.resize(100);
    CHECK(code() == ErrorCode::kCorrupt);
  }
  SECTION("a feature that this version does not know") {
    std::array<std::byte, kJournalHeaderBytes> header = EncodeJournalHeader(kHeader);
    PutU64(header, 16, 1);
    PutU64(header, kJournalHeaderBytes - 8, Checksum(std::span(header).first(kJournalHeaderBytes - 8)));
    std::copy(header.begin(), header.end(), bytes.begin());
    CHECK(code() == ErrorCode::kUnsupported);
  }
}

TEST_CASE("the bytes are those of docs/store-format.md") {
  const auto text = [](std::span<const std::byte> bytes) {
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  const std::array<std::byte, 512> header = EncodeJournalHeader(kHeader);
  CHECK(text(std::span(header).first(8)) == "SPWNJNL1");
  CHECK(GetU32(header, 8) == 1);
  CHECK(GetU32(header, 12) == 512);
  CHECK(GetU64(header, 32) == 1 << 20);
  CHECK(GetU64(header, 40) == 77);
  CHECK(GetU64(header, 48) == 4711);
  CHECK(text(std::span(header).subspan(56, 7)) == std::string("a boot\0", 7));
  CHECK(GetU64(header, 504) == Checksum(std::span(header).first(504)));

  testing::Bytes record(kMaxRecordBytes);
  const MapRun run{.block = 1, .count = 2, .value = 3, .tag = 4};
  record.resize(EncodeRecord(RecordType::kRuns, 6, 7, 4711, std::span(&run, 1), record));
  REQUIRE(record.size() == 48);
  CHECK(text(std::span(record).first(4)) == "SPJR");
  CHECK(GetU32(record, 4) == 1);
  CHECK(GetU32(record, 8) == 16);
  CHECK(GetU32(record, 12) == 6);
  CHECK(GetU64(record, 16) == 7);
  for (uint32_t i = 0; i < 4; ++i) CHECK(GetU32(record, 32 + 4 * i) == i + 1);
  const uint64_t payload = Checksum(std::span(record).subspan(32), 4711);
  CHECK(GetU64(record, 24) == Checksum(std::span(record).first(24), payload));
}

TEST_CASE("a distrusted journal belongs to no boot and keeps its records") {
  const ScratchDirectory directory;
  const std::string path = directory / "journal";
  const auto journal = MapJournal::Create(PosixFileSystem(), path, kHeader).value();
  REQUIRE(journal->AppendCommit(1));
  REQUIRE(journal->Distrust());
  const auto file = PosixFileSystem().Open(path, OpenMode::kRead).value();
  CHECK(ReadJournalHeader(*file, path).value().boot_id.empty());
  CHECK(CountRecords(path) == 1);
}

}  // namespace
}  // namespace spawnd::storage
