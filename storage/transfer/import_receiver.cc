#include "storage/transfer/import_receiver.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "storage/boot_id.h"
#include "storage/image/image_files.h"

namespace spawnd::storage {
namespace {

constexpr size_t kBootIdBytes = 64;

Result<std::vector<std::byte>> HeadFile(std::span<const std::byte> head) {
  TRY_ASSIGN(const std::string boot, ReadBootId());
  std::vector<std::byte> bytes(kBootIdBytes);
  std::memcpy(bytes.data(), boot.data(), std::min(boot.size(), kBootIdBytes));
  bytes.insert(bytes.end(), head.begin(), head.end());
  return bytes;
}

Result<std::vector<std::byte>> ReadAll(FileSystem& fs, const std::string& path) {
  TRY_ASSIGN(const auto file, fs.Open(path, OpenMode::kRead));
  TRY_ASSIGN(const uint64_t size, file->Size());
  std::vector<std::byte> bytes(size);
  TRY(ReadExactly(*file, 0, bytes, path));
  return bytes;
}

Result<void> Empty(FileSystem& fs, const std::string& folder) {
  TRY_ASSIGN(const auto names, fs.List(folder));
  for (const std::string& name : names) TRY(fs.Remove(folder + "/" + name));
  return {};
}

Result<uint64_t> SizeOf(FileSystem& fs, const std::string& path) {
  TRY_ASSIGN(const bool there, fs.Exists(path));
  if (!there) return 0;
  TRY_ASSIGN(const auto file, fs.Open(path, OpenMode::kRead));
  return file->Size();
}

}  // namespace

Result<std::unique_ptr<ImportReceiver>> ImportReceiver::Begin(FileSystem& fs, const std::string& folder,
                                                              std::span<const std::byte> head) {
  TRY(DecodeExportHead(head));
  TRY_ASSIGN(const std::vector<std::byte> wanted, HeadFile(head));
  TRY(fs.CreateDirectory(folder));
  const std::string path = folder + "/" + std::string(kImportHeadFile);
  TRY_ASSIGN(const bool there, fs.Exists(path));
  bool same = false;
  if (there) {
    TRY_ASSIGN(const std::vector<std::byte> found, ReadAll(fs, path));
    same = found == wanted;
  }
  if (!same) {
    TRY(Empty(fs, folder));
    TRY_ASSIGN(const auto file, fs.Open(path, OpenMode::kCreateNew));
    TRY(file->WriteAt(0, wanted));
  }
  return Continue(fs, folder);
}

Result<std::unique_ptr<ImportReceiver>> ImportReceiver::Continue(FileSystem& fs, const std::string& folder) {
  TRY_ASSIGN(const auto bytes, ReadAll(fs, folder + "/" + std::string(kImportHeadFile)));
  if (bytes.size() < kBootIdBytes) return Fail(ErrorCode::kNotFound, "the import was not begun");
  const auto head_bytes = std::span(bytes).subspan(kBootIdBytes);
  TRY_ASSIGN(const auto this_boot, HeadFile(head_bytes));
  if (bytes != this_boot) {
    return Fail(ErrorCode::kNotFound, "the import was begun before the machine was booted");
  }
  TRY_ASSIGN(ExportHead head, DecodeExportHead(head_bytes));
  std::unique_ptr<ImportReceiver> receiver(new ImportReceiver(fs, folder, std::move(head)));
  TRY(receiver->FindPlace());
  return receiver;
}

std::string ImportReceiver::PathOf(size_t part) const {
  const std::string& id = head_.parts[part].layer_id;
  return id.empty() ? folder_ + "/" + std::string(kImportedIndex) : LayerPath(folder_, id);
}

Result<void> ImportReceiver::FindPlace() {
  size_t part = 0;
  uint64_t offset = 0;
  for (; part < head_.parts.size(); ++part) {
    TRY_ASSIGN(offset, SizeOf(fs_, PathOf(part)));
    if (offset != head_.parts[part].bytes) break;
  }
  if (part == head_.parts.size()) {
    place_ = FirstFrameOf(head_, part);
  } else {
    // Half a frame may have been written by somebody who was killed.
    place_ = FrameAt(head_, part, std::min(offset, head_.parts[part].bytes - 1));
  }
  place_end_ = place_.file_offset;
  return {};
}

size_t ImportReceiver::Wanted() const {
  return AfterLastFrame(head_, place_) ? kExportTrailerBytes : kFrameHeaderBytes + FrameLength(head_, place_);
}

Result<void> ImportReceiver::Append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    if (complete_) {
      return Fail(ErrorCode::kCorrupt, "the file is damaged: something follows its end",
                  "Export the image again, or copy the file again.");
    }
    const size_t part = std::min(bytes.size(), Wanted() - pending_.size());
    pending_.insert(pending_.end(), bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(part));
    bytes = bytes.subspan(part);
    if (pending_.size() == Wanted()) TRY(TakePending());
  }
  return {};
}

Result<void> ImportReceiver::TakePending() {
  const std::vector<std::byte> taken = std::exchange(pending_, {});
  if (AfterLastFrame(head_, place_)) {
    TRY(CheckExportTrailer(head_, taken));
    place_end_ += taken.size();
    complete_ = true;
    return {};
  }
  const auto payload = std::span(taken).subspan(kFrameHeaderBytes);
  TRY(CheckFrame(head_, place_, std::span(taken).first(kFrameHeaderBytes), payload));
  if (!file_) {
    TRY_ASSIGN(file_, fs_.Open(PathOf(place_.part), OpenMode::kCreate));
  }
  TRY(file_->WriteAt(place_.offset, payload));
  const FramePlace next = NextFrame(head_, place_);
  if (next.part != place_.part) {
    // Whatever a part had behind its end would count as another length.
    TRY(file_->Truncate(head_.parts[place_.part].bytes));
    file_.reset();
  }
  place_ = next;
  place_end_ = next.file_offset;
  return {};
}

}  // namespace spawnd::storage
