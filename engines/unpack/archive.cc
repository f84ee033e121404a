#include "engines/unpack/archive.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "engines/unpack/codecs.h"
#include "engines/unpack/tar_header.h"
#include "engines/unpack/unpacked_file.h"
#include "engines/unpack/zip_records.h"

namespace spawnd::engines {
namespace {

constexpr size_t kPart = 256 * 1024;
/// What tells the format of a layer.
constexpr size_t kLayerHead = 64 * 1024;
/// A second file that comes later is seen by whoever unpacks the first.
constexpr uint64_t kLookedAt = uint64_t{1} << 30U;

class Below final : public ByteSource {
 public:
  explicit Below(UnpackedFile& file) : file_(file) {}
  Result<size_t> Read(char* out, size_t size) override {
    TRY_ASSIGN(const std::string bytes, file_.Read(size));
    std::copy(bytes.begin(), bytes.end(), out);
    return bytes.size();
  }

 private:
  UnpackedFile& file_;
};

/// Ends at the second file.
class Count final : public ArchiveSink {
 public:
  Result<void> Begin(std::string_view /*path*/, bool is_folder) override {
    if (!is_folder) ++files;
    return Enough();
  }
  Result<void> Write(std::string_view part) override {
    bytes_ += part.size();
    return Enough();
  }
  int files = 0;

 private:
  Result<void> Enough() const {
    if (files < 2 && bytes_ < kLookedAt) return {};
    return Fail(ErrorCode::kCancelled, "it has been seen");
  }
  uint64_t bytes_ = 0;
};

Result<bool> HasSeveral(int fd, const std::string& name, const Packing& packing) {
  if (packing.layers.size() == 1 && packing.layers.front() == Codec::kZip) {
    TRY_ASSIGN(const auto files, FilesInZip(fd, name));
    // Of one that was cut there is no list.
    if (!files.empty()) return files.size() > 1;
  }
  Count count;
  const auto looked = UnpackArchive(fd, name, packing, {}, count);
  // What is wrong with it has its place and its words where it is read as a whole; so has a link in it, of
  // which the archive of one file knows nothing.
  return count.files > 1 || (!looked && looked.error().code == ErrorCode::kUnsupported);
}

}  // namespace

Result<std::optional<Packing>> RecogniseArchive(int fd, const std::string& name) {
  constexpr size_t kMaxLayers = 3;
  Packing packing;
  while (packing.layers.size() < kMaxLayers) {
    UnpackedFile file(fd, name, packing, {kLookedAt, "1 GiB before it says what it is", "Copy it again."});
    TRY_ASSIGN(const std::string head, file.Read(kLayerHead));
    auto codec = RecogniseCodec(head);
    if (!codec && IsTar(head)) codec = Codec::kTar;
    if (!codec) break;
    packing.layers.push_back(*codec);
    if (*codec != Codec::kZip && *codec != Codec::kTar) continue;
    TRY_ASSIGN(const bool several, HasSeveral(fd, name, packing));
    if (several) return packing;
    if (*codec == Codec::kTar) break;
  }
  return std::optional<Packing>();
}

Result<void> UnpackArchive(int fd, const std::string& name, const Packing& packing, const UnpackLimit& limit,
                           ArchiveSink& sink) {
  Packing outer = packing;
  const Codec codec = outer.layers.back();
  outer.layers.pop_back();
  UnpackedFile file(fd, name, outer, limit);
  Below below(file);
  const auto listener = [&sink](std::string_view path, bool is_folder) {
    return sink.Begin(path, is_folder);
  };
  const auto layer =
      Layer::Make(name, codec, below, limit, codec == Codec::kZip ? MakeZip(listener) : MakeTar(listener));
  std::string part(kPart, '\0');
  while (true) {
    TRY_ASSIGN(const size_t count, layer->Read(part.data(), part.size()));
    if (count == 0) return {};
    TRY(sink.Write(std::string_view(part).substr(0, count)));
  }
}

}  // namespace spawnd::engines
