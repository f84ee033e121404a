#include "engines/redis/database_number.h"

#include <cstddef>

namespace spawnd::engines::redis {
namespace {

constexpr size_t kMostDigits = 6;

}  // namespace

bool IsDatabaseNumber(std::string_view text) {
  if (text.empty() || text.size() > kMostDigits) return false;
  if (text.find_first_not_of("0123456789") != std::string_view::npos) return false;
  return text == "0" || text.front() != '0';
}

}  // namespace spawnd::engines::redis
