/// Small things about texts that every folder needs. Letters are those of ASCII: what is compared so are
/// words of products and keys, never data. Pure.
#pragma once

#include <string>
#include <string_view>

namespace spawnd {

std::string UpperCase(std::string_view text);
std::string LowerCase(std::string_view text);

/// The same but for the case of letters.
bool SameInAnyCase(std::string_view a, std::string_view b);
/// `text` begins with `start`, in any case.
bool StartsInAnyCase(std::string_view text, std::string_view start);

/// What is behind the last '/' of a path.
std::string BaseName(std::string_view path);

}  // namespace spawnd
