/// The first bytes of an export file (docs/export-format.md), as far as whoever passes it on has to know
/// them. The format itself is storage's. Pure, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace spawnd::api {

inline constexpr size_t kExportHeaderBytes = 64;

struct ExportHeadSizes {
  size_t head_bytes = 0;
  uint64_t file_bytes = 0;
};

/// Of these kExportHeaderBytes. Checks that it is one of these files and that the head is no longer than any;
/// all else is the daemon's to check. kInvalidArgument.
Result<ExportHeadSizes> ReadExportHeader(std::string_view header);

}  // namespace spawnd::api
