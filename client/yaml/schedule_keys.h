/// The keys of a data image's YAML that make a data source of it, or take one: `schedule`, `keep`, `source`
/// and a standby's `maxKeptWal` (docs/backups.md). Only for client/yaml/image_reader.cc. Pure.
#pragma once

#include "yaml/tree.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace spawnd::client {

inline constexpr std::array<std::string_view, 4> kScheduleKeys{"schedule", "keep", "source", "maxKeptWal"};

struct ScheduleKeys {
  std::string schedule;  ///< as it stands there: what it means is the daemon's to say
  std::optional<int64_t> keep;
  std::string source;  ///< of a data source; the file says what is to be different from that
  std::optional<int64_t> max_kept_bytes;
};

/// `key`: one of kScheduleKeys. kInvalidArgument with the place in the file.
Result<void> ReadScheduleKey(const yaml::File& file, std::string_view key, const yaml::Node& value,
                             ScheduleKeys& keys);

/// A number of images, as `keep` and --keep take it: 1, 2 ... kInvalidArgument.
Result<int64_t> ParseKeep(const std::string& text);

}  // namespace spawnd::client
