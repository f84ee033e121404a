/// Whether a running container's volume is full, which its server may say to its clients only. Blocks: asks
/// the keeper when what was written makes it worth while.
#pragma once

#include <cstdint>
#include <string>

#include "daemon/catalog/rows.h"
#include "daemon/store/layout.h"

namespace spawnd::daemon {

/// One sentence with what to do; empty when there is room, or nobody can tell. `written_bytes`: of its own
/// blocks on the disk.
std::string FullVolumeInWords(const StoreLayout& layout, const ContainerRow& row, const ImageRow& image,
                              int64_t written_bytes);

}  // namespace spawnd::daemon
