/// Bounded JSON parsing: text of unknown origin into a rapidjson document. For api/ and for spawnctl's
/// output, which re-formats what the daemon sent.
///
/// Iterative parser, so that nesting costs no stack; UTF-8 is validated; U+0000 is refused, because it would
/// cut names short in C interfaces. Pure functions, safe from any thread.
#pragma once

#include <rapidjson/document.h>

#include <cstddef>
#include <string_view>

#include "base/result.h"

namespace spawnd::api {

struct JsonLimits {
  size_t document_bytes;
  size_t nesting;
  size_t string_bytes;
  size_t items;  ///< of one array, and members of one object
};

/// What a caller may send to the daemon.
inline constexpr JsonLimits kRequestLimits{size_t{1} << 20, 16, size_t{64} << 10, 1'000};
/// What spawnctl takes from the daemon: lists grow with the number of images and containers.
inline constexpr JsonLimits kResponseLimits{size_t{64} << 20, 16, size_t{1} << 20, 100'000};

/// `what` stands in the message: "the request is not valid JSON at byte 12: ...". Errors: kInvalidArgument.
Result<rapidjson::Document> ParseJson(std::string_view text, const JsonLimits& limits, std::string_view what);

}  // namespace spawnd::api
