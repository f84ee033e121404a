/// What a backup is packed with. A value; any thread.
#pragma once

#include <cstdint>
#include <vector>

namespace spawnd::engines {

/// kTar: a tar archive of one file. To some products a tar archive is a backup itself, so that they ask for
/// it.
enum class Codec : uint8_t { kGzip, kZstd, kXz, kBzip2, kLz4, kZip, kTar };

/// Its layers, outermost first; none: the bytes are as they are.
struct Packing {
  std::vector<Codec> layers{};
  bool IsPacked() const { return !layers.empty(); }
};

}  // namespace spawnd::engines
