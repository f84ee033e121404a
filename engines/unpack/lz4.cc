#include <lz4.h>
#include <lz4frame.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "engines/unpack/codecs.h"
#include "engines/unpack/little_endian.h"

namespace spawnd::engines {
namespace {

/// What `lz4 -l` writes: a mark, then blocks that are sizes and data. Its end is that of the file, or what
/// can be no size.
constexpr std::string_view kLegacy("\x02\x21\x4c\x18");
constexpr size_t kLegacyBlock = size_t{8} << 20U;

class Lz4 final : public Unpacker {
 public:
  Lz4() {
    if (LZ4F_isError(LZ4F_createDecompressionContext(&context_, LZ4F_VERSION)) != 0) throw std::bad_alloc();
  }
  Lz4(const Lz4&) = delete;
  Lz4& operator=(const Lz4&) = delete;
  ~Lz4() override { LZ4F_freeDecompressionContext(context_); }

  bool Begins(std::string_view bytes) const override {
    return BeginsLz4(bytes) || BeginsSkippableFrame(bytes);
  }
  Result<void> Begin() override {
    LZ4F_resetDecompressionContext(context_);
    kind_ = Kind::kUnknown;
    return {};
  }
  bool MayEnd() const override {
    return kind_ == Kind::kLegacy && packed_.empty() && block_at_ == block_.size();
  }

  Result<Step> Next(std::string_view in, char* out, size_t size) override {
    if (kind_ == Kind::kUnknown) {
      if (in.size() < kLegacy.size()) return Step{};
      kind_ = in.substr(0, kLegacy.size()) == kLegacy ? Kind::kLegacy : Kind::kFrame;
      if (kind_ == Kind::kLegacy) return Step{kLegacy.size(), 0, false};
    }
    if (kind_ == Kind::kLegacy) return NextLegacy(in, out, size);
    size_t taken = in.size();
    size_t made = size;
    const size_t status = LZ4F_decompress(context_, out, &made, in.data(), &taken, nullptr);
    if (LZ4F_isError(status) != 0) return Fail(ErrorCode::kInvalidArgument, LZ4F_getErrorName(status));
    return Step{taken, made, status == 0};
  }

 private:
  enum class Kind { kUnknown, kFrame, kLegacy };

  Result<Step> NextLegacy(std::string_view in, char* out, size_t size) {
    Step step;
    if (block_at_ == block_.size()) {
      if (packed_.empty()) {
        if (in.size() < sizeof(uint32_t)) return step;
        wanted_ = LittleEndian32(in, 0);
        if (wanted_ == 0 || wanted_ > static_cast<size_t>(LZ4_compressBound(kLegacyBlock))) {
          return Step{0, 0, true};
        }
        step.taken = sizeof(uint32_t);
        in.remove_prefix(step.taken);
      }
      const size_t take = std::min(in.size(), wanted_ - packed_.size());
      packed_.append(in.substr(0, take));
      step.taken += take;
      if (packed_.size() < wanted_) return step;
      TRY(UnpackBlock());
    }
    step.made = std::min(size, block_.size() - block_at_);
    std::memcpy(out, block_.data() + block_at_, step.made);
    block_at_ += step.made;
    return step;
  }

  Result<void> UnpackBlock() {
    block_.resize(kLegacyBlock);
    const int made = LZ4_decompress_safe(packed_.data(), block_.data(), static_cast<int>(packed_.size()),
                                         static_cast<int>(block_.size()));
    packed_.clear();
    if (made < 0) return Fail(ErrorCode::kInvalidArgument, "a block is corrupt");
    block_.resize(static_cast<size_t>(made));
    block_at_ = 0;
    return {};
  }

  LZ4F_dctx* context_ = nullptr;
  Kind kind_ = Kind::kUnknown;
  size_t wanted_ = 0;  ///< of the packed block that is being read
  std::string packed_;
  std::string block_;
  size_t block_at_ = 0;
};

}  // namespace

bool BeginsLz4(std::string_view bytes) {
  return bytes.substr(0, 4) == "\x04\x22\x4d\x18" || bytes.substr(0, 4) == kLegacy;
}

bool BeginsSkippableFrame(std::string_view bytes) {
  return bytes.size() >= 4 && (static_cast<unsigned char>(bytes[0]) & 0xf0U) == 0x50 &&
         bytes.substr(1, 3) == "\x2a\x4d\x18";
}

std::unique_ptr<Unpacker> MakeLz4() {
  return std::make_unique<Lz4>();
}

}  // namespace spawnd::engines
