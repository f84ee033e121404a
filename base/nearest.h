/// "Did you mean": the known word nearest to a mistyped one. Pure, safe from any thread.
#pragma once

#include <span>
#include <string_view>

namespace spawnd {

/// The candidate with the smallest edit distance (insert, delete, replace, swap neighbours; case counts
/// less), or an empty view when none is near enough to be what was meant. Words over 64 characters are near
/// to nothing.
std::string_view Nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace spawnd
