/// What a container may use, as users write it: `512MiB`, `1.5`, `200`, `none`. Pure functions, safe from any
/// thread. Errors: kInvalidArgument, naming the text and what is wanted.
#pragma once

#include <cstdint>
#include <string_view>

#include "api/types.h"
#include "base/result.h"

namespace spawnd::api {

/// Bytes of `512MiB`, `512m`, `1.5GiB`, `2g`: every unit counts in 1024s, as docker's do. 0 (no limit) for
/// `none` and `0`.
Result<int64_t> ParseMemory(std::string_view text);
/// `1.5`; 0 for `none` and `0`.
Result<double> ParseCpus(std::string_view text);
/// `200`; 0 for `none` and `0`.
Result<int64_t> ParsePids(std::string_view text);
/// 1 to 10000, where 100 is what everybody else has.
Result<int64_t> ParseWeight(std::string_view text);

/// What a server keeps of its log for a standby: a size from 64 MiB on.
Result<int64_t> ParseKeptLog(std::string_view text);
Result<void> CheckKeptLog(int64_t bytes);

/// The same bounds, for numbers.
Result<void> ValidateLimits(const Limits& limits);

/// `first` where it says something, else `second`.
Limits Overlay(const Limits& first, const Limits& second);

}  // namespace spawnd::api
