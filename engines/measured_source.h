/// Sources of placements that are measured before they are placed: a volume that fills up would say so only
/// after hours. Safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engines/restore.h"

namespace spawnd::engines {

/// kInvalidArgument, with both sizes and the setting to raise, for `bytes` that no volume of `volume_bytes`
/// takes. 0 of either: not known.
Result<void> CheckFits(const std::string& backup_name, uint64_t bytes, uint64_t volume_bytes);

/// A source that passes a folder on as a tar file. It is measured first, links followed as far as they lead
/// to something in it, by the tool, which may read what the caller may. `options` go to tar.
RestoreStep PassOnFolder(const std::string& backup_name, std::vector<std::string> options,
                         uint64_t volume_bytes);

}  // namespace spawnd::engines
