#include "storage/delta/map_journal_format.h"

#include <algorithm>
#include <cstring>

#include "storage/checksum.h"

namespace spawnd::storage {
namespace {

constexpr uint64_t kHeaderMagic = 0x314C4E4A4E575053;  // "SPWNJNL1"
constexpr uint32_t kRecordMagic = 0x524A5053;          // "SPJR"

// Positions in the header.
constexpr size_t kVersionAt = 8;
constexpr size_t kLengthAt = 12;
constexpr size_t kIncompatibleAt = 16;  // feature bits a reader must know
constexpr size_t kCompatibleAt = 24;    // feature bits a reader may ignore
constexpr size_t kVolumeBytesAt = 32;
constexpr size_t kImageIdentityAt = 40;
constexpr size_t kSaltAt = 48;
constexpr size_t kBootIdAt = 56;  // kMaxBootIdBytes, zero padded
constexpr size_t kHeaderChecksumAt = kJournalHeaderBytes - 8;
constexpr uint64_t kKnownIncompatible = 0;

// Positions in a record's head.
constexpr size_t kTypeAt = 4;
constexpr size_t kPayloadAt = 8;
constexpr size_t kEpochAt = 12;
constexpr size_t kSequenceAt = 16;
constexpr size_t kRecordChecksumAt = 24;

uint64_t RecordChecksum(std::span<const std::byte> record, uint64_t salt) {
  // The payload's own checksum seeds the head's: one value covers both, without copying them together.
  const uint64_t payload = Checksum(record.subspan(kRecordHeadBytes), salt);
  return Checksum(record.first(kRecordChecksumAt), payload);
}

}  // namespace

std::array<std::byte, kJournalHeaderBytes> EncodeJournalHeader(const JournalHeader& header) {
  std::array<std::byte, kJournalHeaderBytes> bytes{};
  PutU64(bytes, 0, kHeaderMagic);
  PutU32(bytes, kVersionAt, kJournalVersion);
  PutU32(bytes, kLengthAt, kJournalHeaderBytes);
  PutU64(bytes, kIncompatibleAt, 0);
  PutU64(bytes, kCompatibleAt, 0);
  PutU64(bytes, kVolumeBytesAt, header.volume_bytes);
  PutU64(bytes, kImageIdentityAt, header.image_identity);
  PutU64(bytes, kSaltAt, header.salt);
  std::memcpy(bytes.data() + kBootIdAt, header.boot_id.data(),
              std::min(header.boot_id.size(), kMaxBootIdBytes));
  PutU64(bytes, kHeaderChecksumAt, Checksum(std::span(bytes).first(kHeaderChecksumAt)));
  return bytes;
}

Result<JournalHeader> DecodeJournalHeader(std::span<const std::byte, kJournalHeaderBytes> bytes,
                                          const std::string& path) {
  if (GetU64(bytes, 0) != kHeaderMagic ||
      GetU64(bytes, kHeaderChecksumAt) != Checksum(bytes.first(kHeaderChecksumAt))) {
    return Fail(ErrorCode::kCorrupt, "'" + path + "' has no valid journal header");
  }
  if (GetU32(bytes, kVersionAt) != kJournalVersion || GetU32(bytes, kLengthAt) != kJournalHeaderBytes ||
      (GetU64(bytes, kIncompatibleAt) & ~kKnownIncompatible) != 0) {
    return Fail(ErrorCode::kUnsupported, "'" + path + "' was written by a newer version of spawnd",
                "Use the version of spawnd that wrote it, or a newer one.");
  }
  const auto* boot_id = reinterpret_cast<const char*>(bytes.data() + kBootIdAt);
  return JournalHeader{.volume_bytes = GetU64(bytes, kVolumeBytesAt),
                       .image_identity = GetU64(bytes, kImageIdentityAt),
                       .salt = GetU64(bytes, kSaltAt),
                       .boot_id = std::string(boot_id, ::strnlen(boot_id, kMaxBootIdBytes))};
}

size_t EncodeRecord(RecordType type, Epoch epoch, uint64_t sequence, uint64_t salt,
                    std::span<const MapRun> runs, std::span<std::byte> out) {
  const size_t payload_bytes = runs.size() * kMapRunBytes;
  const std::span<std::byte> record = out.first(kRecordHeadBytes + payload_bytes);
  PutU32(record, 0, kRecordMagic);
  PutU16(record, kTypeAt, static_cast<uint16_t>(type));
  PutU16(record, kTypeAt + 2, 0);
  PutU32(record, kPayloadAt, static_cast<uint32_t>(payload_bytes));
  PutU32(record, kEpochAt, epoch);
  PutU64(record, kSequenceAt, sequence);
  size_t at = kRecordHeadBytes;
  for (const MapRun& run : runs) {
    PutU32(record, at, run.block);
    PutU32(record, at + 4, run.count);
    PutU32(record, at + 8, run.value);
    PutU32(record, at + 12, run.tag);
    at += kMapRunBytes;
  }
  PutU64(record, kRecordChecksumAt, RecordChecksum(record, salt));
  return record.size();
}

bool DecodeRecordHead(std::span<const std::byte, kRecordHeadBytes> bytes, RecordHead& head) {
  head.type = static_cast<RecordType>(GetU16(bytes, kTypeAt));
  head.payload_bytes = GetU32(bytes, kPayloadAt);
  head.epoch = GetU32(bytes, kEpochAt);
  head.sequence = GetU64(bytes, kSequenceAt);
  head.checksum = GetU64(bytes, kRecordChecksumAt);
  if (GetU32(bytes, 0) != kRecordMagic) return false;
  if (head.type == RecordType::kCommit) return head.payload_bytes == 0;
  return head.type == RecordType::kRuns && head.payload_bytes % kMapRunBytes == 0 &&
         head.payload_bytes <= kMaxRunsPerRecord * kMapRunBytes;
}

bool RecordIsIntact(std::span<const std::byte> record, const RecordHead& head, uint64_t salt) {
  return RecordChecksum(record, salt) == head.checksum;
}

MapRun DecodeRun(std::span<const std::byte> payload, size_t index) {
  const std::span<const std::byte> bytes = payload.subspan(index * kMapRunBytes, kMapRunBytes);
  return {.block = GetU32(bytes, 0),
          .count = GetU32(bytes, 4),
          .value = GetU32(bytes, 8),
          .tag = GetU32(bytes, 12)};
}

}  // namespace spawnd::storage
