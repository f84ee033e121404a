/// What an export file says of its image: written from a row, and read with suspicion. Pure, any thread.
#pragma once

#include <string>
#include <string_view>

#include "api/types.h"
#include "base/result.h"
#include "daemon/catalog/rows.h"

namespace spawnd::daemon {

/// JSON, the same each time for the same row.
std::string DescriptionOf(const ImageRow& image);
/// Everything in it is bounded and of a kind that any image could have. kCorrupt; kUnsupported for an engine
/// that is not known, or another architecture than this machine's.
Result<api::ExportedImage> ReadDescription(std::string_view json);
/// The row of an image that is made of it: a pending one, without owner, tags and teams.
ImageRow RowOf(const api::ExportedImage& image);

}  // namespace spawnd::daemon
