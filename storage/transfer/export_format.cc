#include "storage/transfer/export_format.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "storage/checksum.h"
#include "storage/image/index_format.h"
#include "storage/image/layer_format.h"

namespace spawnd::storage {
namespace {

// Positions in the header; docs/export-format.md, "Head".
constexpr size_t kVersionAt = 8;
constexpr size_t kFrameSizeAt = 12;
constexpr size_t kIncompatibleAt = 24;
constexpr size_t kDescriptionLengthAt = 32;
constexpr size_t kPartCountAt = 36;
constexpr size_t kFileBytesAt = 40;
constexpr size_t kChecksumAt = kExportHeaderBytes - 8;
/// Incompatible feature bits that this version understands: none yet.
constexpr uint64_t kKnownIncompatible = 0;

constexpr uint64_t kSmallestLayer = kHeaderBytes + kLayerTrailerBytes;
constexpr uint64_t kSmallestIndex = kHeaderBytes + kIndexTrailerBytes;

Error Damaged(std::string_view what) {
  return {ErrorCode::kCorrupt, fmt::format("the file is damaged: {}", what),
          "Export the image again, or copy the file again."};
}

uint64_t FramesOf(const ExportPart& part) {
  return (part.bytes + kFrameBytes - 1) / kFrameBytes;
}

/// What EncodeExportHead refuses to write and DecodeExportHead to believe.
Result<void> CheckParts(const ExportHead& head) {
  std::set<std::string_view> ids;
  for (const ExportPart& part : head.parts) {
    const bool last = &part == &head.parts.back();
    if (part.layer_id.empty() != last) return Fail(Damaged("the index is not its last part"));
    if (!last && (!IsLayerId(part.layer_id) || !ids.insert(part.layer_id).second)) {
      return Fail(Damaged("a layer has no id of its own"));
    }
    if (part.bytes < (last ? kSmallestIndex : kSmallestLayer) || part.bytes > kMaxPartBytes) {
      return Fail(Damaged(fmt::format("a part of {} bytes", part.bytes)));
    }
  }
  return {};
}

uint64_t FrameChecksum(const ExportHead& head, const FramePlace& place, std::span<const std::byte> payload) {
  return Checksum(payload, head.checksum ^ place.number);
}

}  // namespace

uint64_t ExportHead::HeadBytes() const {
  return kExportHeaderBytes + description.size() + parts.size() * kPartEntryBytes + 8;
}

uint64_t ExportHead::FrameCount() const {
  uint64_t count = 0;
  for (const ExportPart& part : parts) count += FramesOf(part);
  return count;
}

uint64_t ExportHead::FileBytes() const {
  uint64_t bytes = HeadBytes() + FrameCount() * kFrameHeaderBytes + kExportTrailerBytes;
  for (const ExportPart& part : parts) bytes += part.bytes;
  return bytes;
}

Result<std::vector<std::byte>> EncodeExportHead(ExportHead& head) {
  if (head.description.empty() || head.description.size() > kMaxDescriptionBytes || head.parts.empty() ||
      head.parts.size() > kMaxLayers + 1) {
    return Fail(ErrorCode::kInvalidArgument, "the image has too much to say of itself for an export");
  }
  TRY(CheckParts(head));
  std::vector<std::byte> bytes(head.HeadBytes());
  std::memcpy(bytes.data(), kExportMagic.data(), kExportMagic.size());
  PutU32(bytes, kVersionAt, kExportFormatVersion);
  PutU32(bytes, kFrameSizeAt, kFrameBytes);
  PutU32(bytes, kDescriptionLengthAt, static_cast<uint32_t>(head.description.size()));
  PutU32(bytes, kPartCountAt, static_cast<uint32_t>(head.parts.size()));
  PutU64(bytes, kFileBytesAt, head.FileBytes());
  PutU64(bytes, kChecksumAt, Checksum(std::span(bytes).first(kChecksumAt)));
  std::memcpy(bytes.data() + kExportHeaderBytes, head.description.data(), head.description.size());
  size_t at = kExportHeaderBytes + head.description.size();
  for (const ExportPart& part : head.parts) {
    std::memcpy(bytes.data() + at, part.layer_id.data(), part.layer_id.size());
    PutU64(bytes, at + kLayerIdLength, part.bytes);
    at += kPartEntryBytes;
  }
  head.checksum = Checksum(std::span(bytes).first(at));
  PutU64(bytes, at, head.checksum);
  return bytes;
}

Result<size_t> ExportHeadBytes(std::span<const std::byte> header) {
  if (header.size() < kExportHeaderBytes ||
      std::memcmp(header.data(), kExportMagic.data(), kExportMagic.size()) != 0) {
    return Fail(ErrorCode::kInvalidArgument, "this is no exported data image",
                "'spawnctl export data-image <image> -o <file>' makes one.");
  }
  // The checksum comes before the version, as in every file of ours: its place may never move.
  if (GetU64(header, kChecksumAt) != Checksum(header.first(kChecksumAt))) {
    return Fail(Damaged(fmt::format("checksum mismatch of bytes 0 to {}", kExportHeaderBytes)));
  }
  const uint32_t version = GetU32(header, kVersionAt);
  const uint64_t unknown = GetU64(header, kIncompatibleAt) & ~kKnownIncompatible;
  if (version != kExportFormatVersion || unknown != 0 || GetU32(header, kFrameSizeAt) != kFrameBytes) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("the file was exported by a newer spawnd: format version {}, unknown features "
                            "{:#x}",
                            version, unknown),
                "Upgrade spawnd on this machine.");
  }
  const uint64_t description = GetU32(header, kDescriptionLengthAt);
  const uint64_t parts = GetU32(header, kPartCountAt);
  if (description == 0 || description > kMaxDescriptionBytes || parts == 0 || parts > kMaxLayers + 1) {
    return Fail(Damaged(fmt::format("a description of {} bytes and {} parts", description, parts)));
  }
  return kExportHeaderBytes + description + parts * kPartEntryBytes + 8;
}

Result<ExportHead> DecodeExportHead(std::span<const std::byte> bytes) {
  TRY_ASSIGN(const size_t length, ExportHeadBytes(bytes));
  if (bytes.size() != length) {
    return Fail(Damaged(fmt::format("its head has {} bytes and not {}", bytes.size(), length)));
  }
  ExportHead head;
  head.checksum = GetU64(bytes, length - 8);
  if (head.checksum != Checksum(bytes.first(length - 8))) {
    return Fail(Damaged(fmt::format("checksum mismatch of bytes 0 to {}", length)));
  }
  const auto text = [&bytes](size_t at, size_t count) {
    return std::string(reinterpret_cast<const char*>(bytes.data()) + at, count);
  };
  const size_t description = GetU32(bytes, kDescriptionLengthAt);
  head.description = text(kExportHeaderBytes, description);
  for (size_t at = kExportHeaderBytes + description; at < length - 8; at += kPartEntryBytes) {
    ExportPart& part = head.parts.emplace_back();
    if (bytes[at] != std::byte{0}) part.layer_id = text(at, kLayerIdLength);
    part.bytes = GetU64(bytes, at + kLayerIdLength);
  }
  TRY(CheckParts(head));
  if (GetU64(bytes, kFileBytesAt) != head.FileBytes()) {
    return Fail(Damaged("its length and its parts do not fit each other"));
  }
  return head;
}

FramePlace FirstFrame(const ExportHead& head) {
  return FirstFrameOf(head, 0);
}

FramePlace FirstFrameOf(const ExportHead& head, size_t part) {
  FramePlace place{.part = part, .offset = 0, .number = 0, .file_offset = head.HeadBytes()};
  for (size_t i = 0; i < part; ++i) {
    place.number += FramesOf(head.parts[i]);
    place.file_offset += head.parts[i].bytes + FramesOf(head.parts[i]) * kFrameHeaderBytes;
  }
  return place;
}

FramePlace FrameAt(const ExportHead& head, size_t part, uint64_t offset) {
  FramePlace place = FirstFrameOf(head, part);
  const uint64_t frames = offset / kFrameBytes;
  place.offset = frames * kFrameBytes;
  place.number += frames;
  place.file_offset += frames * (kFrameHeaderBytes + kFrameBytes);
  return place;
}

size_t FrameLength(const ExportHead& head, const FramePlace& place) {
  return std::min<uint64_t>(kFrameBytes, head.parts[place.part].bytes - place.offset);
}

FramePlace NextFrame(const ExportHead& head, const FramePlace& place) {
  const size_t length = FrameLength(head, place);
  FramePlace next = place;
  next.offset += length;
  next.number += 1;
  next.file_offset += kFrameHeaderBytes + length;
  if (next.offset == head.parts[next.part].bytes) {
    next.part += 1;
    next.offset = 0;
  }
  return next;
}

bool AfterLastFrame(const ExportHead& head, const FramePlace& place) {
  return place.part == head.parts.size();
}

std::array<std::byte, kFrameHeaderBytes> EncodeFrameHeader(const ExportHead& head, const FramePlace& place,
                                                           std::span<const std::byte> payload) {
  std::array<std::byte, kFrameHeaderBytes> header{};
  PutU32(header, 0, static_cast<uint32_t>(payload.size()));
  PutU32(header, 4, static_cast<uint32_t>(place.part));
  PutU64(header, 8, FrameChecksum(head, place, payload));
  return header;
}

Result<void> CheckFrame(const ExportHead& head, const FramePlace& place, std::span<const std::byte> header,
                        std::span<const std::byte> payload) {
  if (GetU32(header, 0) == payload.size() && GetU32(header, 4) == place.part &&
      GetU64(header, 8) == FrameChecksum(head, place, payload)) {
    return {};
  }
  return Fail(Damaged(fmt::format("checksum mismatch of bytes {} to {}", place.file_offset,
                                  place.file_offset + kFrameHeaderBytes + payload.size())));
}

std::array<std::byte, kExportTrailerBytes> EncodeExportTrailer(const ExportHead& head) {
  std::array<std::byte, kExportTrailerBytes> trailer{};
  std::memcpy(trailer.data(), kExportTrailerMagic.data(), kExportTrailerMagic.size());
  PutU64(trailer, 8, head.FrameCount());
  PutU64(trailer, 16, head.FileBytes());
  PutU64(trailer, 24, head.checksum);
  PutU64(trailer, 32, Checksum(std::span(trailer).first(32)));
  return trailer;
}

Result<void> CheckExportTrailer(const ExportHead& head, std::span<const std::byte> bytes) {
  const auto expected = EncodeExportTrailer(head);
  if (std::equal(bytes.begin(), bytes.end(), expected.begin(), expected.end())) return {};
  return Fail(Damaged(fmt::format("its last {} bytes are not its end", kExportTrailerBytes)));
}

}  // namespace spawnd::storage
