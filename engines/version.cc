#include "engines/version.h"

#include <cctype>
#include <cstddef>
#include <cstdint>

namespace spawnd::engines {

bool VersionLess(std::string_view a, std::string_view b) {
  while (!a.empty() || !b.empty()) {
    const auto part = [](std::string_view& text) {
      uint64_t number = 0;
      size_t i = 0;
      for (; i < text.size() && std::isdigit(static_cast<unsigned char>(text[i])) != 0 && i < 9; ++i) {
        number = number * 10 + static_cast<uint64_t>(text[i] - '0');
      }
      // "18beta1" counts as 18: what follows the digits of a part does not order anything.
      const size_t dot = text.find('.', i);
      text.remove_prefix(dot == std::string_view::npos ? text.size() : dot + 1);
      return number;
    };
    const uint64_t x = part(a);
    const uint64_t y = part(b);
    if (x != y) return x < y;
  }
  return false;
}

}  // namespace spawnd::engines
