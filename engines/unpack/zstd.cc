#include <zstd.h>
#include <zstd_errors.h>

#include <new>

#include "engines/unpack/codecs.h"

namespace spawnd::engines {
namespace {

/// 128 MiB, what zstd(1) itself takes without being told to take more.
constexpr int kMaxWindowLog = 27;

class Zstd final : public Unpacker {
 public:
  Zstd() : stream_(ZSTD_createDStream()) {
    if (stream_ == nullptr) throw std::bad_alloc();
    ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, kMaxWindowLog);
  }
  Zstd(const Zstd&) = delete;
  Zstd& operator=(const Zstd&) = delete;
  ~Zstd() override { ZSTD_freeDStream(stream_); }

  bool Begins(std::string_view bytes) const override {
    return BeginsZstd(bytes) || BeginsSkippableFrame(bytes);
  }
  Result<void> Begin() override {
    ZSTD_DCtx_reset(stream_, ZSTD_reset_session_only);
    return {};
  }

  Result<Step> Next(std::string_view in, char* out, size_t size) override {
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    ZSTD_outBuffer output{out, size, 0};
    const size_t status = ZSTD_decompressStream(stream_, &output, &input);
    if (ZSTD_isError(status) == 0) return Step{input.pos, output.pos, status == 0};
    switch (ZSTD_getErrorCode(status)) {
      case ZSTD_error_memory_allocation:
        throw std::bad_alloc();
      case ZSTD_error_frameParameter_windowTooLarge:
        return Fail(
            ErrorCode::kUnsupported, "was packed by zstd with a window of more than 128 MiB (`zstd --long`)",
            "Unpack it on the way: `zstd -dc --long=31 FILE | spawnctl ...`, with `-` as the backup.");
      case ZSTD_error_dictionary_wrong:
        return Fail(ErrorCode::kUnsupported, "was packed by zstd with a dictionary, which is not here",
                    "Unpack it on the way: `zstd -dc -D DICTIONARY FILE | spawnctl ...`, with `-` as the "
                    "backup.");
      default:
        return Fail(ErrorCode::kInvalidArgument, ZSTD_getErrorName(status));
    }
  }

 private:
  ZSTD_DStream* const stream_;
};

}  // namespace

bool BeginsZstd(std::string_view bytes) {
  return bytes.substr(0, 4) == "\x28\xb5\x2f\xfd";
}

std::unique_ptr<Unpacker> MakeZstd() {
  return std::make_unique<Zstd>();
}

}  // namespace spawnd::engines
