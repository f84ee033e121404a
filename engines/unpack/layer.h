/// The bytes that a packed file holds: of all its members, one after the other, zeros behind them passed over
/// as gzip(1) does. Used by one thread at a time; holds kBuffer bytes and what the format needs (at most
/// kMaxWindowBytes).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "engines/unpack/packing.h"
#include "engines/unpack/unpacker.h"

namespace spawnd::engines {

/// How much may come out of a file.
struct UnpackLimit {
  uint64_t bytes = UINT64_MAX;
  std::string what{};  ///< "the volume of 64 GiB"
  std::string hint{};
};

class Layer final : public ByteSource {
 public:
  /// `name`: of the file, for messages. `below` outlives it.
  static Result<std::unique_ptr<Layer>> Make(std::string name, Codec codec, ByteSource& below,
                                             const UnpackLimit& limit);
  /// With an unpacker of that codec.
  static std::unique_ptr<Layer> Make(std::string name, Codec codec, ByteSource& below,
                                     const UnpackLimit& limit, std::unique_ptr<Unpacker> unpacker);

  /// One read makes bytes of one file of an archive: whoever listens knows of which.
  /// kInvalidArgument for data that is damaged, ends early or is followed by something else, with the place;
  /// for what exceeds the limit; and what `below` says.
  Result<size_t> Read(char* out, size_t size) override;

 private:
  static constexpr size_t kBuffer = 64 * 1024;

  Layer(std::string name, Codec codec, ByteSource& below, UnpackLimit limit)
      : name_(std::move(name)), codec_(codec), below_(below), limit_(std::move(limit)) {}
  std::string_view Buffered() const { return std::string_view(buffer_).substr(at_, end_ - at_); }
  /// False at the end of what is below.
  Result<bool> Refill();
  /// False when there is no further one.
  Result<bool> BeginMember();
  void Take(size_t bytes);
  Error Explain(const Error& error) const;
  Error Damaged(const std::string& why) const;

  const std::string name_;
  const Codec codec_;
  ByteSource& below_;
  const UnpackLimit limit_;
  std::unique_ptr<Unpacker> unpacker_;
  std::string buffer_ = std::string(kBuffer, '\0');
  size_t at_ = 0;
  size_t end_ = 0;
  bool below_ended_ = false;
  bool in_member_ = false;
  bool padding_ = false;
  uint64_t position_ = 0;  ///< in the packed bytes
  uint64_t made_ = 0;
};

}  // namespace spawnd::engines
