/// User, password and connection strings of a container. Pure, but for the randomness.
#pragma once

#include <string_view>

#include "engines/engine.h"
#include "engines/mysql_family/product.h"

namespace spawnd::engines::mysql_family {

/// The user of every container, over TCP; the name that scripts written for the product expect.
inline constexpr const char* kUser = "root";

Credentials NewCredentials(std::string_view database);

ConnectionStrings ConnectionStringsFor(const Product& product, const Endpoint& endpoint,
                                       const Credentials& credentials);

}  // namespace spawnd::engines::mysql_family
