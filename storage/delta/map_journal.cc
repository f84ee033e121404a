#include "storage/delta/map_journal.h"

#include <algorithm>

namespace spawnd::storage {
namespace {

constexpr size_t kReadAhead = 64 * 1024;
static_assert(kReadAhead >= kMaxRecordBytes);

/// Room ends at a multiple of this.
constexpr uint64_t kRoomStep = 16 * 1024;
static_assert(kRoomAhead % kRoomStep == 0);

}  // namespace

MapJournal::MapJournal(std::unique_ptr<File> file, JournalHeader header)
    : file_(std::move(file)), header_(std::move(header)), record_(kMaxRecordBytes) {}

Result<std::unique_ptr<MapJournal>> MapJournal::Create(FileSystem& fs, const std::string& path,
                                                       const JournalHeader& header) {
  TRY_ASSIGN(auto file, fs.Open(path, OpenMode::kCreateNew));
  TRY(file->WriteAt(0, EncodeJournalHeader(header)));
  return std::unique_ptr<MapJournal>(new MapJournal(std::move(file), header));
}

Result<void> MapJournal::Append(RecordType type, Epoch epoch, std::span<const MapRun> runs) {
  const size_t length = EncodeRecord(type, epoch, next_sequence_, header_.salt, runs, record_);
  if (keeps_room_ && tail_ + length > written_to_) MakeRoom(length);
  auto written = file_->WriteAt(tail_, std::span(record_).first(length));
  if (!written) {
    // The record may be in the file in part or whole. Left there, the next opening would replay an operation
    // that was reported as failed, onto slots that have been given out again since.
    broken_ = broken_ || !file_->Truncate(tail_);
    written_to_ = tail_;
    return written;
  }
  tail_ += length;
  ++next_sequence_;
  return {};
}

void MapJournal::MakeRoom(size_t length) {
  const uint64_t begin = std::max(tail_, written_to_);
  uint64_t end = tail_ + length;
  end += kRoomAhead - end % kRoomStep;
  if (WriteZeros(*file_, begin, end - begin)) written_to_ = end;  // else the record itself will say why
}

Result<void> MapJournal::AppendRuns(Epoch epoch, std::span<const MapRun> runs) {
  return Append(RecordType::kRuns, epoch, runs);
}

Result<void> MapJournal::AppendCommit(Epoch epoch) {
  return Append(RecordType::kCommit, epoch, {});
}

Result<void> MapJournal::Distrust() {
  return WriteDistrustedHeader(*file_, header_);
}

Result<void> WriteDistrustedHeader(File& file, JournalHeader header) {
  header.boot_id.clear();
  return file.WriteAt(0, EncodeJournalHeader(header));
}

MapJournalReader::MapJournalReader(File& file, uint64_t salt, uint64_t position, uint64_t sequence)
    : file_(file), salt_(salt), position_(position), sequence_(sequence), buffer_(kReadAhead) {}

Result<std::span<const std::byte>> MapJournalReader::Peek(size_t wanted) {
  if (position_ < buffer_start_ || position_ + wanted > buffer_start_ + buffer_bytes_) {
    TRY_ASSIGN(buffer_bytes_, file_.ReadAt(position_, buffer_));
    buffer_start_ = position_;
  }
  return std::span<const std::byte>(buffer_).first(buffer_bytes_).subspan(position_ - buffer_start_);
}

Result<std::optional<MapJournalReader::Record>> MapJournalReader::Next() {
  TRY_ASSIGN(std::span<const std::byte> bytes, Peek(kRecordHeadBytes));
  if (bytes.size() < kRecordHeadBytes) return std::optional<Record>();
  RecordHead head;
  if (!DecodeRecordHead(bytes.first<kRecordHeadBytes>(), head)) return std::optional<Record>();
  if (head.sequence != sequence_) return std::optional<Record>();
  const size_t length = kRecordHeadBytes + head.payload_bytes;
  TRY_ASSIGN(bytes, Peek(length));
  if (bytes.size() < length) return std::optional<Record>();
  const std::span<const std::byte> record = bytes.first(length);
  if (!RecordIsIntact(record, head, salt_)) return std::optional<Record>();
  position_ += length;
  ++sequence_;
  return std::optional(
      Record{.type = head.type, .epoch = head.epoch, .payload = record.subspan(kRecordHeadBytes)});
}

Result<JournalHeader> ReadJournalHeader(File& file, const std::string& path) {
  std::array<std::byte, kJournalHeaderBytes> bytes{};
  TRY(ReadExactly(file, 0, bytes, path));
  return DecodeJournalHeader(bytes, path);
}

}  // namespace spawnd::storage
