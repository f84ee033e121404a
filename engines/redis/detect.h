/// What Redis and Valkey servers say of their version. Pure.
#pragma once

#include <string>
#include <string_view>

namespace spawnd::engines::redis {

/// "7.0.15" of "Redis server v=7.0.15 sha=..." and of "Valkey server v=8.1.1 ..."; empty: something else.
std::string ParseVersionOutput(std::string_view output);

}  // namespace spawnd::engines::redis
