#include <lzma.h>

#include <new>

#include "engines/unpack/codecs.h"

namespace spawnd::engines {
namespace {

/// `xz -9` takes 65 MiB.
constexpr uint64_t kMaxMemory = uint64_t{192} << 20U;

class Xz final : public Unpacker {
 public:
  Xz() = default;
  Xz(const Xz&) = delete;
  Xz& operator=(const Xz&) = delete;
  ~Xz() override { lzma_end(&stream_); }

  bool Begins(std::string_view bytes) const override { return BeginsXz(bytes); }
  Result<void> Begin() override {
    if (lzma_stream_decoder(&stream_, kMaxMemory, 0) != LZMA_OK) throw std::bad_alloc();
    return {};
  }

  Result<Step> Next(std::string_view in, char* out, size_t size) override {
    stream_.next_in = reinterpret_cast<const uint8_t*>(in.data());
    stream_.avail_in = in.size();
    stream_.next_out = reinterpret_cast<uint8_t*>(out);
    stream_.avail_out = size;
    const lzma_ret status = lzma_code(&stream_, LZMA_RUN);
    switch (status) {
      case LZMA_OK:
      case LZMA_STREAM_END:
      case LZMA_BUF_ERROR:  // it needs more
        return Step{in.size() - stream_.avail_in, size - stream_.avail_out, status == LZMA_STREAM_END};
      case LZMA_MEM_ERROR:
        throw std::bad_alloc();
      case LZMA_MEMLIMIT_ERROR:
        return Fail(ErrorCode::kUnsupported, "was packed by xz with a dictionary of more than 128 MiB",
                    "Unpack it on the way: `xz -dc FILE | spawnctl ...`, with `-` as the backup.");
      case LZMA_OPTIONS_ERROR:
        return Fail(ErrorCode::kUnsupported, "was packed by xz with a filter that is not known",
                    "Unpack it on the way: `xz -dc FILE | spawnctl ...`, with `-` as the backup.");
      default:
        return Fail(ErrorCode::kInvalidArgument, "the compressed data is corrupt");
    }
  }

 private:
  lzma_stream stream_ = LZMA_STREAM_INIT;
};

}  // namespace

bool BeginsXz(std::string_view bytes) {
  return bytes.substr(0, 6) == std::string_view("\xfd\x37\x7a\x58\x5a\0", 6);
}

std::unique_ptr<Unpacker> MakeXz() {
  return std::make_unique<Xz>();
}

}  // namespace spawnd::engines
