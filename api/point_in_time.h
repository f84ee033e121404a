/// The point in time to which logs are taken, as people write it: `at:` of an image's description. Pure
/// functions, safe from any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace spawnd::api {

/// The end of the backup itself, whenever that was.
inline constexpr std::string_view kImmediate = "immediate";

/// "2026-11-28T09:40:18.123456Z" for RFC 3339 ("2026-11-28T10:40:18.123456+01:00") and for PostgreSQL's own
/// form
/// ("2026-11-28 10:40:18.123456+01"); kImmediate for that word, in any case. A time without a zone could mean
/// several moments and is kInvalidArgument, as is what no calendar has. Of a second's fraction microseconds
/// count.
Result<std::string> CanonicalPointInTime(std::string_view text);

}  // namespace spawnd::api
