/// One format of packed data, and where packed bytes come from. Used by one thread at a time.
///
/// A file is a row of members, one after the other (RFC 1952 calls them so; zstd and lz4 say frame, xz and
/// bzip2 stream), which unpack to one text. The formats know how to unpack a member; Layer (layer.h) puts
/// them together, and has the words for what is cut short or followed by something else.
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

#include "base/result.h"

namespace spawnd::engines {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// At most `size` bytes to `out`; 0: the end.
  virtual Result<size_t> Read(char* out, size_t size) = 0;
};

class Unpacker {
 public:
  struct Step {
    size_t taken = 0;    ///< of the input
    size_t made = 0;     ///< of the output
    bool ended = false;  ///< this was the member's last
  };

  virtual ~Unpacker() = default;
  /// Whether a member begins so; `bytes`: kBeginBytes, fewer at the file's end.
  virtual bool Begins(std::string_view bytes) const = 0;
  /// To be called before each member.
  virtual Result<void> Begin() = 0;
  /// Unpacks what of `in` fits into `out`, checksums included. Neither taken nor made: it needs more. An
  /// error without a hint says what is wrong with the bytes ("invalid block type"); one with a hint is for
  /// the user as it is, and follows the file's name ("is encrypted").
  virtual Result<Step> Next(std::string_view in, char* out, size_t size) = 0;
  /// The member ends here if the file does.
  virtual bool MayEnd() const { return false; }
};

inline constexpr size_t kBeginBytes = 16;

/// Told of each file and folder in an archive as it begins, before any byte of it is made; an error ends the
/// unpacking. Paths are as they are in the archive: nobody has looked at them.
using MemberListener = std::function<Result<void>(std::string_view path, bool is_folder)>;

}  // namespace spawnd::engines
