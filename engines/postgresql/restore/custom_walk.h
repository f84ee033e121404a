/// Follows the data of a custom archive as it streams by: notices one that is cut, and one that goes on
/// behind its end, as two archives in one file do. pg_restore reads the first of them and says nothing of the
/// other. Used by one thread at a time.
///
/// Format: PostgreSQL's pg_backup_custom.c. Behind the table of contents come blocks: a byte (1: a table's
/// rows, 3: large objects), a number, pieces with their lengths in front up to one of length 0; of large
/// objects each with its number in front, up to one of number 0. A number is a byte for its sign and
/// `integer_size` bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace spawnd::engines::postgresql {

class CustomWalk {
 public:
  /// `before`: how many bytes come before the first block.
  CustomWalk(uint64_t before, size_t integer_size) : skip_(before), integer_size_(integer_size) {}

  /// Looks at the next bytes; `last`: no more come. The errors are kInvalidArgument and name `name`.
  Result<void> Take(std::string_view bytes, bool last, const std::string& name);

  /// So many bytes that come next are nothing to look at, and may be left out.
  uint64_t Uninteresting() const { return skip_; }
  void Skip(uint64_t bytes) { skip_ -= bytes; }

 private:
  enum class Expects { kBlock, kNumber, kObject, kLength };
  /// False: there is no such block.
  bool Step();

  uint64_t skip_;
  const size_t integer_size_;
  Expects expects_ = Expects::kBlock;
  bool objects_ = false;  ///< in a block of them
  std::string field_;
};

/// kInvalidArgument: of a file with something behind the end of its archive.
Error GoesOnBehindItsEnd(const std::string& name);

}  // namespace spawnd::engines::postgresql
