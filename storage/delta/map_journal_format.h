/// Bytes of the file "journal": its header and its records. docs/store-format.md, "Journal", says the same
/// for people. All numbers are little-endian. Pure functions, safe from any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"
#include "storage/delta/epoch_gate.h"

namespace spawnd::storage {

/// What a journal says about itself. One disk sector, written before the file gets its name.
struct JournalHeader {
  uint64_t volume_bytes = 0;
  uint64_t image_identity = 0;  ///< of the image below (volume.cc); 0: none
  uint64_t salt = 0;            ///< random; seeds every record's checksum, so that no other file's bytes pass
  std::string boot_id;          ///< at most kMaxBootIdBytes; empty: trust nothing after the last commit
};

inline constexpr size_t kJournalHeaderBytes = 512;
inline constexpr size_t kMaxBootIdBytes = 40;
inline constexpr uint32_t kJournalVersion = 1;

std::array<std::byte, kJournalHeaderBytes> EncodeJournalHeader(const JournalHeader& header);
/// Errors: kCorrupt (magic or checksum), kUnsupported (newer version, or a feature bit that is not known).
Result<JournalHeader> DecodeJournalHeader(std::span<const std::byte, kJournalHeaderBytes> bytes,
                                          const std::string& path);

/// A run of consecutive blocks that get a new entry in the block map.
struct MapRun {
  uint32_t block = 0;
  uint32_t count = 0;
  uint32_t value = 0;  ///< BlockMap::kAbsent, BlockMap::kZero, or the value of the first of `count` slots
  Epoch tag = 0;       ///< in which epoch the slots were given out
};

inline constexpr size_t kMapRunBytes = 16;
inline constexpr size_t kMaxRunsPerRecord = 2048;

enum class RecordType : uint16_t {
  kRuns = 1,    ///< MapRuns that apply together or not at all: one operation on the volume
  kCommit = 2,  ///< every record of this epoch and before is in the file, and the data they map is durable
};

struct RecordHead {
  RecordType type = RecordType::kRuns;
  uint32_t payload_bytes = 0;
  Epoch epoch = 0;
  uint64_t sequence = 0;  ///< from 1, without gaps
  uint64_t checksum = 0;  ///< xxh3-64 of the head before it and the payload, seeded with the salt
};

inline constexpr size_t kRecordHeadBytes = 32;
inline constexpr size_t kMaxRecordBytes = kRecordHeadBytes + kMaxRunsPerRecord * kMapRunBytes;

/// Encodes a whole record into `out` (kMaxRecordBytes) and returns its length. `runs` is empty for a commit.
size_t EncodeRecord(RecordType type, Epoch epoch, uint64_t sequence, uint64_t salt,
                    std::span<const MapRun> runs, std::span<std::byte> out);
/// The head at the start of `bytes`. False when it cannot be one: magic, type or length.
bool DecodeRecordHead(std::span<const std::byte, kRecordHeadBytes> bytes, RecordHead& head);
/// Whether the checksum of a whole record (head and payload) is right.
bool RecordIsIntact(std::span<const std::byte> record, const RecordHead& head, uint64_t salt);
MapRun DecodeRun(std::span<const std::byte> payload, size_t index);

}  // namespace spawnd::storage
