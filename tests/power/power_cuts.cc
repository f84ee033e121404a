#include "tests/power/power_cuts.h"

#include <algorithm>
#include <array>
#include <random>

namespace spawnd::testing {
namespace {

constexpr const char* kRecordedDirectory = "/volume";
constexpr size_t kCopyBytes = 1 << 20;

/// How what no sync covered fares in one cut: all alike, or each operation by lot.
enum class Fates { kAllDropped, kAllKept, kByLot, kMostlyKept, kMostlyDropped };
constexpr std::array kFateNames{"dropped", "kept", "by-lot", "mostly-kept", "mostly-dropped"};

Fate FateOf(Fates fates, uint32_t seed, size_t index) {
  if (fates == Fates::kAllDropped) return Fate::kDropped;
  if (fates == Fates::kAllKept) return Fate::kKept;
  std::minstd_rand lot(static_cast<uint32_t>(seed * 7919 + index * 104729 + 1));
  lot.discard(3);
  const auto drawn = static_cast<Fate>(lot() / 7 % 4);
  if (fates == Fates::kByLot || lot() / 7 % 8 == 0) return drawn;
  return fates == Fates::kMostlyKept ? Fate::kKept : Fate::kDropped;
}

/// The first operation at or after a time. The log is in order of time.
size_t FirstSince(const RecordingFileSystem& recorded, int64_t ns) {
  size_t low = 0;
  size_t high = recorded.LogSize();
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (recorded.LogEntry(middle).at_ns < ns) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/// Half of the cuts are anywhere, half close to a sync, where the order of things matters most.
size_t Choose(const RecordingFileSystem& recorded, size_t first, size_t end, std::mt19937& lot) {
  size_t cut = first + lot() % (end - first);
  if (lot() % 2 == 0) return cut;
  while (cut + 1 < end && recorded.LogEntry(cut).kind != LoggedOperation::Kind::kSync) ++cut;
  const size_t around = cut + lot() % 5;
  return std::clamp(around < 2 ? 0 : around - 2, first, end - 1);
}

Result<void> CopyOut(RecordingFileSystem& disk, const std::string& directory) {
  TRY_ASSIGN(const auto names, disk.List(kRecordedDirectory));
  std::vector<std::byte> buffer(kCopyBytes);
  for (const std::string& name : names) {
    TRY_ASSIGN(const auto from, disk.Open(std::string(kRecordedDirectory) + "/" + name, OpenMode::kRead));
    TRY_ASSIGN(const auto to, PosixFileSystem().Open(directory + "/" + name, OpenMode::kCreateNew));
    TRY_ASSIGN(const uint64_t size, from->Size());
    TRY(to->Truncate(size));
    for (uint64_t at = 0; at < size; at += kCopyBytes) {
      TRY_ASSIGN(const size_t got, from->ReadAt(at, buffer));
      const auto bytes = std::span(buffer).first(got);
      if (std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; })) continue;
      TRY(to->WriteAt(at, bytes));
    }
  }
  return {};
}

}  // namespace

Result<std::string> CutPower(const RecordingFileSystem& recorded, const CutRequest& request,
                             const std::vector<CommitTime>& commits) {
  const size_t first = FirstSince(recorded, request.from_ns);
  const size_t end = FirstSince(recorded, request.to_ns);
  if (first >= end) return Fail(ErrorCode::kInvalidArgument, "nothing was written in that time");
  std::mt19937 lot(request.seed);
  const size_t operations = Choose(recorded, first, end, lot);
  const auto fates = static_cast<Fates>(request.seed % kFateNames.size());
  const auto disk = recorded.AfterPowerCut(
      operations, [&](size_t index, const LoggedOperation&) { return FateOf(fates, request.seed, index); });
  TRY(CopyOut(*disk, request.directory));
  // The power went off before this operation, and after everything that was acknowledged before it.
  const int64_t at = recorded.LogEntry(operations).at_ns;
  int64_t promised = request.promise_at_flush ? at : 0;
  for (const CommitTime& commit : commits) {
    if (commit.returned_ns < at) promised = std::max(promised, commit.called_ns);
  }
  return std::to_string(operations) + " " + std::to_string(at) + " " + std::to_string(promised) + " " +
         kFateNames[static_cast<size_t>(fates)];
}

}  // namespace spawnd::testing
