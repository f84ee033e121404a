/// How the catalog's columns and a user's references are written as text. Pure.
#pragma once

#include <charconv>
#include <cstdint>
#include <string_view>

#include "api/types.h"

namespace spawnd::daemon {

// The end of an UPDATE that completes a row, of images and of containers. Binds when that is: a lifetime
// counts from there, and not from when somebody began to make it.
#define BEGIN_LIFETIME "expires_at = CASE expires_at WHEN 0 THEN 0 ELSE expires_at - created_at + ? END"

/// The id when `reference` is nothing but digits, else 0. Names are never all digits, so that the two cannot
/// clash.
inline int64_t IdOf(std::string_view reference) {
  int64_t id = 0;
  const auto [end, code] = std::from_chars(reference.data(), reference.data() + reference.size(), id);
  return code == std::errc() && end == reference.data() + reference.size() && id > 0 ? id : 0;
}

/// Words in the file, not the enum's numbers: those may change with the code.
inline std::string_view DurabilityText(api::Durability durability) {
  return durability == api::Durability::kAlways ? "always" : "everysec";
}
inline api::Durability DurabilityFromText(std::string_view text) {
  return text == "always" ? api::Durability::kAlways : api::Durability::kEverySecond;
}

}  // namespace spawnd::daemon
