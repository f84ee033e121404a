/// Times as they stand in JSON: RFC 3339, UTC, whole seconds. Pure functions, safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace spawnd::api {

/// "2025-01-02T03:04:05Z" for seconds since 1970, years 1970 to 9999.
std::string FormatTimestamp(int64_t seconds);

/// The reverse, for exactly that form (a fraction of a second is dropped). Empty for anything else, also for
/// days that no calendar has.
std::optional<int64_t> ParseTimestamp(std::string_view text);

}  // namespace spawnd::api
