/// Follows a tar archive as it streams by: notices one that stops too early, which pg_restore would read from
/// its standard input for ever, and says which members go by. Used by one thread at a time.
///
/// Format: POSIX ustar, blocks of 512 bytes; a header has the member's size in octal at 124, the archive ends
/// with two blocks of zeros.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace spawnd::engines::postgresql {

class TarWalk {
 public:
  /// Looks at the next bytes; after the last ones, says whether the archive's end was among them. The error
  /// is kInvalidArgument and begins with `name`.
  Result<void> Take(std::string_view bytes, bool last, const std::string& name);

  /// Called with each member's path, without a leading "./".
  std::function<void(std::string_view path)> on_member;
  /// The first bytes (at most kMaxKept) of the last member for which on_member called Keep().
  void Keep() { keeping_ = true; }
  const std::string& Kept() const { return kept_; }
  static constexpr size_t kMaxKept = 64;

  /// So many bytes that come next are a member's content, which may be left out by a caller who wants none
  /// of it.
  uint64_t ContentLeft() const { return content_left_; }
  void SkipContent(uint64_t bytes) { content_left_ -= bytes; }
  bool Ended() const { return ended_; }
  /// Something other than zeros has come behind the end.
  bool GoesOn() const { return goes_on_; }

 private:
  void TakeHeader();

  std::string header_;
  std::string kept_;
  bool keeping_ = false;
  uint64_t content_left_ = 0;  ///< of the member, with its padding
  bool ended_ = false;
  bool goes_on_ = false;
};

}  // namespace spawnd::engines::postgresql
