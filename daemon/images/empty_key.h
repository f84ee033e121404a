/// The name under which the catalog keeps the sealed empty state of an engine version (ImageRow::cache_key).
/// Pure, safe from any thread.
#pragma once

#include <cstdint>
#include <string>

#include "engines/engine.h"

namespace spawnd::daemon {

/// All that goes into a fresh volume: what would make another one has another key.
std::string EmptyImageKey(uint64_t volume_bytes, const engines::Installation& installation);

}  // namespace spawnd::daemon
