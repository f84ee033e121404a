#include "storage/delta/journal_damage.h"

#include <fmt/core.h>

#include <algorithm>
#include <vector>

#include "storage/delta/map_journal.h"

namespace spawnd::storage {
namespace {

/// Every record starts at a multiple of this: header, record head and run are.
constexpr size_t kAlignment = 16;
static_assert(kJournalHeaderBytes % kAlignment == 0 && kRecordHeadBytes % kAlignment == 0 &&
              kMapRunBytes % kAlignment == 0);

/// A write that a kill cut short ends where a page of the cache does, or at the least a sector: never within.
constexpr uint64_t kSector = 512;

/// What stands behind the first record that is not right.
struct Rest {
  std::vector<std::byte> bytes;
  uint64_t sequence = 0;  ///< that the next record should have
};

/// A right record at `at`; its length, or 0.
size_t RecordAt(const Rest& rest, size_t at, uint64_t salt, RecordHead& head) {
  const auto bytes = std::span(rest.bytes).subspan(at);
  if (bytes.size() < kRecordHeadBytes || !DecodeRecordHead(bytes.first<kRecordHeadBytes>(), head)) return 0;
  const size_t length = kRecordHeadBytes + head.payload_bytes;
  // Checksums last: they cost most, and most places have no magic.
  const bool later = head.sequence > rest.sequence && bytes.size() >= length;
  return later && RecordIsIntact(bytes.first(length), head, salt) ? length : 0;
}

struct Later {
  size_t records = 0;
  size_t commits = 0;
};

Later CountLater(const Rest& rest, uint64_t salt) {
  Later later;
  for (size_t at = 0; at < rest.bytes.size();) {
    RecordHead head;
    const size_t length = RecordAt(rest, at, salt, head);
    if (length > 0) ++later.records;
    if (length > 0 && head.type == RecordType::kCommit) ++later.commits;
    at += length > 0 ? length : kAlignment;
  }
  return later;
}

/// Bytes up to the last one that is not zero.
size_t LengthWithoutZeros(const std::vector<std::byte>& bytes) {
  const auto last = std::find_if(bytes.rbegin(), bytes.rend(), [](std::byte b) { return b != std::byte{0}; });
  return static_cast<size_t>(bytes.rend() - last);
}

/// Whether a writer that died in the middle of its last write, or just before it, can have left this: the
/// beginning of one right record, cut off between two sectors, and then no more than the room that was made
/// for it. No 16 bytes of a record are all zero, so the cut is where the zeros begin.
bool IsBeginningOfRecord(const Rest& rest, uint64_t file_bytes) {
  const size_t written = (LengthWithoutZeros(rest.bytes) + kAlignment - 1) / kAlignment * kAlignment;
  if (written > rest.bytes.size() || rest.bytes.size() - written > kRoomAhead + kMaxRecordBytes) return false;
  if (written == 0) return true;
  const uint64_t begin = file_bytes - rest.bytes.size();
  if ((begin + written) % kSector != 0) return false;
  if (written < kRecordHeadBytes) return true;
  RecordHead head;
  return DecodeRecordHead(std::span(rest.bytes).first<kRecordHeadBytes>(), head) &&
         head.sequence == rest.sequence && written < kRecordHeadBytes + head.payload_bytes;
}

}  // namespace

Result<std::optional<std::string>> FindJournalDamage(File& journal, const JournalHeader& header,
                                                     const JournalExtent& extent, bool same_boot) {
  TRY_ASSIGN(const uint64_t size, journal.Size());
  if (size <= extent.bytes) return std::optional<std::string>();
  Rest rest{.bytes = std::vector<std::byte>(size - extent.bytes), .sequence = extent.records + 1};
  TRY_ASSIGN(const size_t read, journal.ReadAt(extent.bytes, rest.bytes));
  rest.bytes.resize(read);

  const Later later = CountLater(rest, header.salt);
  // In one boot the page cache keeps writes in order. A power cut may keep a later page and lose an earlier
  // one, but not over a sync: each commit is synced before the next is written, so that two of them behind
  // the gap mean that the bytes of the gap were on the disk once.
  const bool damaged = same_boot ? later.records > 0 || !IsBeginningOfRecord(rest, size) : later.commits > 1;
  if (!damaged) return std::optional<std::string>();
  return std::optional(fmt::format("record {} at bytes {} and following is damaged, with {} more behind it",
                                   rest.sequence, extent.bytes, later.records));
}

}  // namespace spawnd::storage
