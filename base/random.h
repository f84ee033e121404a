/// Random names, passwords and ids from the kernel's generator. Safe from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace spawnd {

/// `length` characters drawn evenly from `alphabet` (1 to 256 characters). Aborts when the kernel has no
/// randomness to give: a predictable password would be worse than none.
std::string RandomText(size_t length, std::string_view alphabet);

inline constexpr std::string_view kLowerLetters = "abcdefghijklmnopqrstuvwxyz";
inline constexpr std::string_view kLettersAndDigits =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
inline constexpr std::string_view kHexDigits = "0123456789abcdef";

/// 128 random bits as 32 hex digits; names a layer or an image index.
std::string RandomId();

}  // namespace spawnd
