/// The byte layout of a layer file: header block, stored chunks, segment table, trailer.
/// docs/store-format.md, section "Layer". Pure functions; safe from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"
#include "storage/image/image_files.h"

namespace spawnd::storage {

inline constexpr std::string_view kLayerMagic = "SPWNLAYR";
inline constexpr std::string_view kLayerTrailerMagic = "SPWNLEND";
inline constexpr size_t kLayerTrailerBytes = 56;

/// The data of a layer is checksummed in segments of this size as well, so that a layer can be verified with
/// no index at hand. At 8 bytes a segment the table of the largest possible layer (8 TiB) is 16 MiB, which
/// keeps sealing within its memory bound whatever the size.
inline constexpr uint64_t kSegmentBytes = uint64_t{4} << 20;

struct LayerTrailer {
  uint64_t chunk_count = 0;
  uint64_t data_bytes = 0;  ///< between the header and the segment table
  uint64_t header_checksum = 0;
  uint64_t table_checksum = 0;
  uint64_t checksum = 0;  ///< of the trailer; vouches for header and table, and so for the whole file

  uint64_t SegmentCount() const { return (data_bytes + kSegmentBytes - 1) / kSegmentBytes; }
  uint64_t TableOffset() const { return kHeaderBytes + data_bytes; }
  uint64_t FileBytes() const { return TableOffset() + 8 * SegmentCount() + kLayerTrailerBytes; }
};

std::array<std::byte, kHeaderBytes> EncodeLayerHeader(const std::string& layer_id);
/// Returns the layer id. `path` is for messages.
Result<std::string> DecodeLayerHeader(std::span<const std::byte> block, const std::string& path);

/// Sets trailer.checksum.
std::array<std::byte, kLayerTrailerBytes> EncodeLayerTrailer(LayerTrailer& trailer);
/// kCorrupt as well when the trailer does not fit a file of `file_bytes`.
Result<LayerTrailer> DecodeLayerTrailer(std::span<const std::byte> bytes, uint64_t file_bytes,
                                        const std::string& path);

}  // namespace spawnd::storage
