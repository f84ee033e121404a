/// Text as a part of a URL. Pure.
#pragma once

#include <string>
#include <string_view>

namespace spawnd {

/// Everything but RFC 3986's unreserved characters as %XX.
std::string PercentEncode(std::string_view text);

}  // namespace spawnd
