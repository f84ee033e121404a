#include <bzlib.h>

#include <new>

#include "engines/unpack/codecs.h"

namespace spawnd::engines {
namespace {

class Bzip2 final : public Unpacker {
 public:
  Bzip2() = default;
  Bzip2(const Bzip2&) = delete;
  Bzip2& operator=(const Bzip2&) = delete;
  ~Bzip2() override { BZ2_bzDecompressEnd(&stream_); }

  bool Begins(std::string_view bytes) const override { return BeginsBzip2(bytes); }
  Result<void> Begin() override {
    BZ2_bzDecompressEnd(&stream_);
    stream_ = {};
    if (BZ2_bzDecompressInit(&stream_, 0, 0) != BZ_OK) throw std::bad_alloc();
    return {};
  }

  Result<Step> Next(std::string_view in, char* out, size_t size) override {
    stream_.next_in = const_cast<char*>(in.data());
    stream_.avail_in = static_cast<unsigned>(in.size());
    stream_.next_out = out;
    stream_.avail_out = static_cast<unsigned>(size);
    const int status = BZ2_bzDecompress(&stream_);
    if (status == BZ_MEM_ERROR) throw std::bad_alloc();
    if (status != BZ_OK && status != BZ_STREAM_END) {
      return Fail(ErrorCode::kInvalidArgument, "a block is corrupt");
    }
    return Step{in.size() - stream_.avail_in, size - stream_.avail_out, status == BZ_STREAM_END};
  }

 private:
  bz_stream stream_{};
};

}  // namespace

/// The level, then the mark of a first block or, in a file of nothing, of the end.
bool BeginsBzip2(std::string_view bytes) {
  if (bytes.size() < 4 || bytes.substr(0, 3) != "BZh" || bytes[3] < '1' || bytes[3] > '9') return false;
  constexpr std::string_view kBlock("\x31\x41\x59\x26\x53\x59");
  constexpr std::string_view kEnd("\x17\x72\x45\x38\x50\x90");
  const std::string_view mark = bytes.substr(4, kBlock.size());  // may be cut short
  return mark == kBlock.substr(0, mark.size()) || mark == kEnd.substr(0, mark.size());
}

std::unique_ptr<Unpacker> MakeBzip2() {
  return std::make_unique<Bzip2>();
}

}  // namespace spawnd::engines
