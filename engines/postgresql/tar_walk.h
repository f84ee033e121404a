/// Follows a tar archive as it streams by, to notice one that stops too early: pg_restore reads such a one
/// from its standard input for ever. Used by one thread at a time.
///
/// Format: POSIX ustar, blocks of 512 bytes; a header has the member's size in octal at 124, the archive ends
/// with two blocks of zeros.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace spawnd::engines::postgresql {

class TarWalk {
 public:
  /// Looks at the next bytes; after the last ones, says whether the archive's end was among them. The error
  /// is kInvalidArgument and begins with `name`.
  Result<void> Take(std::string_view bytes, bool last, const std::string& name);

 private:
  void TakeHeader();

  std::string header_;
  uint64_t content_left_ = 0;  ///< of the member, with its padding
  bool ended_ = false;
};

}  // namespace spawnd::engines::postgresql
