/// Arbitrary bytes as packed data of each format, up to three layers: whatever they are, at most the limit
/// comes out, and what comes out does not depend on how much is read at a time or on how the bytes come in.
#include <algorithm>
#include <cstring>
#include <string>

#include "engines/unpack/codecs.h"
#include "engines/unpack/layer.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

using spawnd::Result;
using namespace spawnd::engines;

/// Small, or most of the time goes into zeros.
constexpr uint64_t kLimit = 1 << 17U;

class Bytes final : public ByteSource {
 public:
  Bytes(std::string_view bytes, size_t piece) : bytes_(bytes), piece_(piece) {}
  Result<size_t> Read(char* out, size_t size) override {
    const size_t count = std::min({size, piece_, bytes_.size()});
    std::memcpy(out, bytes_.data(), count);
    bytes_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view bytes_;
  const size_t piece_;
};

struct Unpacked {
  std::string text;
  std::string error;
};

Unpacked Unpack(std::string_view packed, size_t in, size_t out, bool tar) {
  const UnpackLimit limit{kLimit, "the limit", "No."};
  Unpacked result;
  const auto first = RecogniseCodec(packed);
  if (!first && !tar) return result;
  Bytes bytes(packed, in);
  auto layer = Layer::Make("x", tar ? Codec::kTar : *first, bytes, limit);
  std::string buffer(out, '\0');
  while (layer) {
    const auto count = (*layer)->Read(buffer.data(), buffer.size());
    if (!count) result.error = count.error().message;
    if (!count || *count == 0) break;
    result.text.append(buffer, 0, *count);
  }
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using spawnd::fuzz::Require;
  spawnd::fuzz::Input input(data, size);
  const auto options = input.Take<uint8_t>();
  const bool tar = options % 8 == 0;
  const size_t piece = options / 8 + 1;
  const auto rest = input.Rest();
  const std::string_view packed(reinterpret_cast<const char*>(rest.data()), rest.size());
  const Unpacked whole = Unpack(packed, packed.size() + 1, 65536, tar);
  const Unpacked pieces = Unpack(packed, piece, 65536, tar);
  // A last piece of the largest size may go beyond.
  Require(whole.text.size() <= kLimit + 65536, "more than the limit");
  Require(whole.error.empty() == pieces.error.empty(),
          "pieces end otherwise: " + whole.error + " / " + pieces.error);
  if (whole.error.empty()) {
    Require(whole.text == pieces.text, "pieces give another text");
    if (whole.text.size() < 4096) {
      Require(Unpack(packed, piece, 7, tar).text == whole.text, "small buffers give another text");
    }
    const Unpacked inner = Unpack(whole.text, 65536, 65536, false);
    Require(inner.text.size() <= kLimit + 65536, "more than the limit within");
  }
  return 0;
}
