/// What a user writes to name a thing: "10001", "name" or "name:tag". Pure.
#pragma once

#include <charconv>
#include <cstdint>
#include <string_view>

namespace spawnd::daemon {

/// The id when `reference` is nothing but digits, else 0. Names are never all digits, so that the two cannot
/// clash.
inline int64_t IdOf(std::string_view reference) {
  int64_t id = 0;
  const auto [end, code] = std::from_chars(reference.data(), reference.data() + reference.size(), id);
  return code == std::errc() && end == reference.data() + reference.size() && id > 0 ? id : 0;
}

}  // namespace spawnd::daemon
