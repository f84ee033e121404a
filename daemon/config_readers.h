/// How one node of spawnd.yaml is read, and what is said when it is not what it should be. Errors of all:
/// kInvalidArgument with the file's name, the line and the key. Functions without state.
#pragma once

#include "yaml/tree.h"

#include <charconv>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace spawnd::daemon::config {

using Kind = yaml::Node::Kind;

/// One node of the file, with what a message about it needs.
struct Place {
  const yaml::Node& node;
  const yaml::File& file;
  std::string key;  ///< "teams.dbas.users"
};

/// "'portRange' must be <wanted>".
tl::unexpected<Error> Bad(const Place& place, std::string_view wanted);
bool IsOrNothing(const Place& place, Kind kind);
/// What an unknown key is told.
std::string Guess(std::string_view key, std::span<const std::string_view> names);

Result<std::string> Text(const Place& place);
/// Nothing, or a list of texts; a single text counts as a list of one.
Result<std::vector<std::string>> Texts(const Place& place);

struct Key {
  std::string_view name;
  std::function<Result<void>(const Place&)> read;
};

Result<void> ReadMap(const Place& map, std::span<const Key> keys);

template <typename Number>
bool ParseNumber(std::string_view text, Number& number) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  return code == std::errc() && end == text.data() + text.size();
}

/// A number from 0 to `most`.
Result<int64_t> Count(const Place& place, int64_t most);
/// "10m" in seconds; 0 for `0` (api::ParseLifetime).
Result<int64_t> Duration(const Place& place);

/// "64GiB" in bytes; nothing when it is no size, or more than `most` bytes.
std::optional<uint64_t> SizeIn(std::string_view text, uint64_t most);

/// Whether `text` is a numeric address, of either kind.
bool IsAddress(const std::string& text);

}  // namespace spawnd::daemon::config
