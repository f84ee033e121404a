/// What a backup is packed with. A value; any thread.
#pragma once

#include <cstdint>
#include <vector>

namespace spawnd::engines {

enum class Codec : uint8_t { kGzip };

/// Its layers, outermost first; none: the bytes are as they are.
struct Packing {
  std::vector<Codec> layers{};
  bool IsPacked() const { return !layers.empty(); }
};

}  // namespace spawnd::engines
