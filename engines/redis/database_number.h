/// The names of Redis's databases, which are numbers. Pure.
#pragma once

#include <string_view>

namespace spawnd::engines::redis {

/// "0" to "999999", without leading zeros.
bool IsDatabaseNumber(std::string_view text);

}  // namespace spawnd::engines::redis
