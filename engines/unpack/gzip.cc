#include <zlib.h>

#include <new>

#include "engines/unpack/codecs.h"

namespace spawnd::engines {
namespace {

/// 15: the largest window; 16: a gzip header and its checksum (zlib.h, inflateInit2).
constexpr int kGzipWindow = 15 + 16;
/// Negative: neither header nor checksum.
constexpr int kRawWindow = -15;

/// gzip, or deflate alone.
class Inflate final : public Unpacker {
 public:
  explicit Inflate(int window) {
    if (inflateInit2(&stream_, window) != Z_OK) throw std::bad_alloc();
  }
  Inflate(const Inflate&) = delete;
  Inflate& operator=(const Inflate&) = delete;
  ~Inflate() override { inflateEnd(&stream_); }

  bool Begins(std::string_view bytes) const override { return BeginsGzip(bytes); }
  Result<void> Begin() override {
    inflateReset(&stream_);
    return {};
  }

  Result<Step> Next(std::string_view in, char* out, size_t size) override {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(size);
    const int status = inflate(&stream_, Z_NO_FLUSH);
    // Z_BUF_ERROR: it needs more.
    if (status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR) {
      return Step{in.size() - stream_.avail_in, size - stream_.avail_out, status == Z_STREAM_END};
    }
    if (status == Z_MEM_ERROR) throw std::bad_alloc();
    return Fail(ErrorCode::kInvalidArgument,
                stream_.msg != nullptr ? stream_.msg : "zlib error " + std::to_string(status));
  }

 private:
  z_stream stream_{};
};

}  // namespace

bool BeginsGzip(std::string_view bytes) {
  return bytes.substr(0, 2) == "\x1f\x8b";
}

std::unique_ptr<Unpacker> MakeGzip() {
  return std::make_unique<Inflate>(kGzipWindow);
}

std::unique_ptr<Unpacker> MakeDeflate() {
  return std::make_unique<Inflate>(kRawWindow);
}

}  // namespace spawnd::engines
