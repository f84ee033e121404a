/// The password that a container's clients log in with, and the ways to write its address down. Pure
/// functions apart from drawing random characters.
#pragma once

#include <string_view>

#include "engines/engine.h"

namespace spawnd::engines::redis {

/// Redis has numbered databases only; clients open 0 unless the image says another.
Credentials NewCredentials(std::string_view database);
ConnectionStrings ConnectionStringsFor(const Endpoint& endpoint, const Credentials& credentials);

/// "0" to "999999", without leading zeros.
bool IsDatabaseNumber(std::string_view text);

}  // namespace spawnd::engines::redis
