/// Small files of text that say by themselves whether they are whole: a line "spawnd <what> xxh3 <16 hex>",
/// then the text that the checksum is of.
///
/// Safe from any thread. Written under another name, made durable and renamed: after a crash the file is the
/// one before or the one after. 0600.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace spawnd::daemon {

/// More is no such file.
inline constexpr size_t kMaxCheckedText = size_t{4} << 20U;

/// `what`: a word, "manifest". Errors: kNotFound (no such folder), kNoSpace, kIo.
Result<void> WriteCheckedText(const std::string& path, std::string_view what, std::string_view text);
/// Errors: kNotFound, kCorrupt (not whole, or something else), kIo.
Result<std::string> ReadCheckedText(const std::string& path, std::string_view what);

/// What a write that was cut short leaves.
inline std::string UnfinishedCheckedText(const std::string& path) {
  return path + ".tmp";
}

}  // namespace spawnd::daemon
