/// What this binary is.
#pragma once

#include <string_view>

namespace spawnd::client {

/// "0.2.0"
constexpr std::string_view ClientVersion() {
  return SPAWND_VERSION;
}

}  // namespace spawnd::client
