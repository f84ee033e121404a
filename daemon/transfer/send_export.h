/// Sends an image as an export file, as the body of an answer. Job thread; as slow as its client reads, with
/// a few hundred kilobytes in memory.
#pragma once

#include <cstdint>
#include <stop_token>

#include "base/result.h"
#include "daemon/catalog/rows.h"
#include "daemon/http/message.h"
#include "daemon/store/layout.h"

namespace spawnd::daemon {

struct ExportRange {
  uint64_t from = 0;
  uint64_t bytes = UINT64_MAX;  ///< at most; the file may end before
};

/// That of the file. An error before the first byte is the caller's to answer with; after it the answer
/// breaks off, and is logged here.
Result<void> SendExport(const StoreLayout& layout, const ImageRow& image, const ExportRange& range,
                        const http::Reply& reply, const std::stop_token& stop);

}  // namespace spawnd::daemon
