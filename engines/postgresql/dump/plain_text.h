/// The text of a plain SQL dump as pg_dump wrote it, of what became of it on its way into the file:
/// PowerShell writes UTF-16, and what a tool says beside its output may have got to the head of the file.
/// Used by one thread at a time; memory is bounded.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engines/restore_warnings.h"

namespace spawnd::engines::postgresql {

/// True for the byte order mark of UTF-16 in either order, and for what begins with two of its ASCII
/// characters without one.
bool BeginsUtf16(std::string_view bytes);

class PlainText {
 public:
  /// `name`: of the dump, for messages. `warnings`: get the lines that were left out.
  PlainText(std::string name, RestoreWarnings& warnings) : name_(std::move(name)), warnings_(warnings) {}

  /// The next bytes, in UTF-8 if they are UTF-16, without a tool's own lines before the first line that is
  /// none: these become empty lines. `last`: no more come. kInvalidArgument for UTF-16 that is damaged or
  /// ends within a character, and where a tool says that it failed.
  Result<std::string> Take(std::string_view bytes, bool last);

 private:
  enum class Encoding { kUnknown, kAsItIs, kLittleEndian, kBigEndian };

  Result<std::string> Decode(std::string_view bytes, bool last);
  Result<std::string> TakeHead(std::string_view text, bool last);
  bool LeavesOut(std::string_view line);

  const std::string name_;
  RestoreWarnings& warnings_;
  Encoding encoding_ = Encoding::kUnknown;
  std::string undecoded_;
  bool in_head_ = true;
  std::string head_;  ///< the beginning of a line
  uint64_t line_ = 0;
};

}  // namespace spawnd::engines::postgresql
