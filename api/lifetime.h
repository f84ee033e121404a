/// Lifetimes as users write them: Go durations plus days. Pure functions, safe from any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace spawnd::api {

/// 100 years: far enough for anyone, near enough that time arithmetic never overflows.
inline constexpr int64_t kMaxLifetimeSeconds = int64_t{100} * 365 * 24 * 3600;

/// Seconds of `10m`, `3h10m`, `1.5h`, `48h`, `7d`; 0 (for ever) for `0`. Grammar of Go's time.ParseDuration
/// (https://pkg.go.dev/time#ParseDuration) with the unit `d` = 24 h added and without a sign. A part of a
/// second counts as a whole one, so that a short lifetime never becomes "for ever". Error: kInvalidArgument,
/// naming the text.
Result<int64_t> ParseLifetime(std::string_view text);

/// The same limits for a number of seconds: 0 (for ever) to kMaxLifetimeSeconds. Error: kInvalidArgument.
Result<void> ValidateLifetime(int64_t seconds);

}  // namespace spawnd::api
