/// What people call a key of an image YAML that has another name. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace spawnd::client {

/// ", did you mean 'x'?" for a key that is none of `names`; empty when nobody can say.
std::string GuessKey(std::string_view key, std::span<const std::string_view> names);

}  // namespace spawnd::client
