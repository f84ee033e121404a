/// The order of version numbers, the same for every product. Pure.
#pragma once

#include <string_view>

namespace spawnd::engines {

/// Dotted version numbers as numbers: "9.6" < "15.4" < "15.20".
bool VersionLess(std::string_view a, std::string_view b);

}  // namespace spawnd::engines
