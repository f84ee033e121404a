/// Sealed files from the decisions of a fuzz input: right in every checksum, in nothing else. One thread.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "storage/checksum.h"
#include "storage/image/layer_format.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/support/recording_file_system.h"

namespace spawnd::fuzz {

inline const std::string kLayerId(storage::kLayerIdLength, 'a');

/// Some bytes changed at places the input names.
inline void Patch(std::vector<std::byte>& bytes, Input& input) {
  for (int left = input.Take<uint8_t>() % 8; left > 0 && !bytes.empty(); --left) {
    const auto at = input.Take<uint32_t>() % bytes.size();
    bytes[at] = static_cast<std::byte>(input.Take<uint8_t>());
  }
}

inline void WriteFile(testing::RecordingFileSystem& fs, const std::string& path,
                      std::span<const std::byte> bytes) {
  const auto file = fs.Open(path, OpenMode::kCreateNew);
  Require(file && (*file)->WriteAt(0, bytes), "cannot write " + path);
}

inline void Append(std::vector<std::byte>& to, std::span<const std::byte> bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

/// A layer with `data`; the trailer that belongs to it in `trailer`.
inline std::vector<std::byte> BuildLayer(std::span<const std::byte> data, storage::LayerTrailer& trailer,
                                         uint64_t chunk_count) {
  const auto header = storage::EncodeLayerHeader(kLayerId);
  std::vector<std::byte> file(header.begin(), header.end());
  Append(file, data);
  std::vector<std::byte> table;
  for (uint64_t segment = 0; segment * storage::kSegmentBytes < data.size(); ++segment) {
    const auto rest = data.subspan(segment * storage::kSegmentBytes);
    std::array<std::byte, 8> entry{};
    storage::PutU64(
        entry, 0,
        storage::Checksum(rest.first(std::min<size_t>(rest.size(), storage::kSegmentBytes)), segment));
    Append(table, entry);
  }
  Append(file, table);
  trailer.chunk_count = chunk_count;
  trailer.data_bytes = data.size();
  trailer.header_checksum = storage::HeaderChecksum(header);
  trailer.table_checksum = storage::Checksum(table);
  Append(file, storage::EncodeLayerTrailer(trailer));
  return file;
}

}  // namespace spawnd::fuzz
