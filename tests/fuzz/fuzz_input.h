/// The bytes of one fuzz run as a list of decisions, and how a run says that something is wrong. One thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"

namespace spawnd::fuzz {

/// Numbers from the front of the input, and zeros when it is used up.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : rest_(reinterpret_cast<const std::byte*>(data), size) {}

  template <typename T>
  T Take() {
    T value = 0;
    for (size_t i = 0; i < sizeof(T) && !rest_.empty(); ++i) {
      value = static_cast<T>(value | static_cast<T>(static_cast<uint64_t>(rest_.front()) << (8 * i)));
      rest_ = rest_.subspan(1);
    }
    return value;
  }
  bool Empty() const { return rest_.empty(); }
  std::span<const std::byte> Rest() const { return rest_; }
  std::vector<std::byte> TakeBytes(size_t most) {
    const auto taken = rest_.first(std::min(most, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return {taken.begin(), taken.end()};
  }

 private:
  std::span<const std::byte> rest_;
};

/// An invariant: libFuzzer keeps the input of a run that aborts.
inline void Require(bool condition, const std::string& what) {
  if (condition) return;
  std::fprintf(stderr, "invariant broken: %s\n", what.c_str());
  std::abort();
}

/// What damaged bytes may lead to; anything else is a bug of the reader.
inline void RequireHonest(const Error& error) {
  const bool honest = error.code == ErrorCode::kCorrupt || error.code == ErrorCode::kUnsupported ||
                      error.code == ErrorCode::kInvalidArgument || error.code == ErrorCode::kNotFound;
  Require(honest, "an error that blames something else: " + error.message);
  Require(!error.message.empty(), "an error without a message");
}

}  // namespace spawnd::fuzz
