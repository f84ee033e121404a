/// The byte layout of an exported image: head, frames, trailer. docs/export-format.md has every byte.
///
/// Where each byte of the file is follows from the head alone, so that both sides can go on in the middle.
/// Pure functions; safe from any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace spawnd::storage {

inline constexpr std::string_view kExportMagic = "SPWNXPRT";
inline constexpr std::string_view kExportTrailerMagic = "SPWNXEND";
inline constexpr uint32_t kExportFormatVersion = 1;
inline constexpr size_t kExportHeaderBytes = 64;
inline constexpr size_t kPartEntryBytes = 48;
inline constexpr size_t kFrameHeaderBytes = 16;
inline constexpr size_t kFrameBytes = 1U << 20;  ///< of a part, in every frame but its last
inline constexpr size_t kExportTrailerBytes = 40;
inline constexpr size_t kMaxDescriptionBytes = 64U << 10;
/// Nothing that is stored for a volume of the largest size comes near it.
inline constexpr uint64_t kMaxPartBytes = uint64_t{1} << 44;

/// A sealed file, as it is in the store.
struct ExportPart {
  std::string layer_id;  ///< empty: the index, which is the last part
  uint64_t bytes = 0;
};

struct ExportHead {
  std::string description;  ///< for people and for the daemon: JSON
  std::vector<ExportPart> parts;
  /// Of all of the above. Mixed into every frame's checksum: a frame of another file does not pass.
  uint64_t checksum = 0;

  uint64_t HeadBytes() const;
  uint64_t FrameCount() const;
  uint64_t FileBytes() const;  ///< of the whole file
};

/// Sets head.checksum. kInvalidArgument when it is over a limit.
Result<std::vector<std::byte>> EncodeExportHead(ExportHead& head);
/// How many bytes the head has that begins with these kExportHeaderBytes. kInvalidArgument for what is no
/// export at all, kCorrupt, kUnsupported for one of a newer version.
Result<size_t> ExportHeadBytes(std::span<const std::byte> header);
/// The whole head. Errors as ExportHeadBytes.
Result<ExportHead> DecodeExportHead(std::span<const std::byte> bytes);

/// The frame that is next, of a file with this head; a value.
struct FramePlace {
  size_t part = 0;
  uint64_t offset = 0;       ///< in the part, of its first byte
  uint64_t number = 0;       ///< from 0, over the whole file
  uint64_t file_offset = 0;  ///< of its header
};
FramePlace FirstFrame(const ExportHead& head);
/// Payload bytes of that frame.
size_t FrameLength(const ExportHead& head, const FramePlace& place);
FramePlace NextFrame(const ExportHead& head, const FramePlace& place);
bool AfterLastFrame(const ExportHead& head, const FramePlace& place);
/// The first frame of a part.
FramePlace FirstFrameOf(const ExportHead& head, size_t part);
/// The frame that begins at that offset of that part; `offset` is a multiple of kFrameBytes.
FramePlace FrameAt(const ExportHead& head, size_t part, uint64_t offset);

std::array<std::byte, kFrameHeaderBytes> EncodeFrameHeader(const ExportHead& head, const FramePlace& place,
                                                           std::span<const std::byte> payload);
/// kCorrupt, naming the frame's bytes, when header and payload are not those of that place.
Result<void> CheckFrame(const ExportHead& head, const FramePlace& place, std::span<const std::byte> header,
                        std::span<const std::byte> payload);

std::array<std::byte, kExportTrailerBytes> EncodeExportTrailer(const ExportHead& head);
Result<void> CheckExportTrailer(const ExportHead& head, std::span<const std::byte> bytes);

}  // namespace spawnd::storage
