#include "base/random.h"

#include <sys/random.h>

#include <cstdlib>

namespace spawnd {
namespace {

uint8_t RandomByte() {
  uint8_t byte = 0;
  if (::getrandom(&byte, 1, 0) != 1) std::abort();
  return byte;
}

}  // namespace

std::string RandomText(size_t length, std::string_view alphabet) {
  const size_t size = alphabet.size();
  const size_t limit = 256 - 256 % size;  // bytes at or above it would favour the first letters
  std::string text;
  text.reserve(length);
  while (text.size() < length) {
    const uint8_t byte = RandomByte();
    if (byte < limit) text.push_back(alphabet[byte % size]);
  }
  return text;
}

std::string RandomId() {
  return RandomText(32, kHexDigits);
}

}  // namespace spawnd
