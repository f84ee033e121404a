#include "engines/unpack/unpacked_file.h"

#include <unistd.h>

#include <cerrno>
#include <optional>

#include "engines/unpack/codecs.h"
#include "engines/unpack/tar_header.h"
#include "engines/unpack/zip_records.h"

namespace spawnd::engines {
namespace {

/// Of what is looked at to tell what a backup is.
const UnpackLimit& LimitOfHead() {
  static const UnpackLimit limit{uint64_t{1} << 30U, "1 GiB before it says what it is",
                                 "Copy or make the backup again."};
  return limit;
}
/// zip around tar around gzip.
constexpr size_t kMaxLayers = 3;

Result<void> AddLayers(int fd, const std::string& name, BackupHead& head) {
  while (true) {
    UnpackedFile file(fd, name, head.packing, LimitOfHead());
    TRY_ASSIGN(head.bytes, file.Read(kHeadBytes));
    if (const auto other = RecogniseOtherPacking(head.bytes)) {
      return Fail(ErrorCode::kUnsupported, "'" + name + "' is " + std::string(other->what),
                  std::string(other->hint));
    }
    const auto codec = RecogniseCodec(head.bytes);
    if (!codec) return {};
    if (head.packing.layers.size() == kMaxLayers) {
      return Fail(ErrorCode::kUnsupported,
                  "'" + name + "' is packed more than " + std::to_string(kMaxLayers) + " times",
                  "Unpack it once.");
    }
    if (*codec == Codec::kZip && !head.packing.IsPacked()) TRY(CheckZipContents(fd, name));
    head.packing.layers.push_back(*codec);
  }
}

}  // namespace

class UnpackedFile::File final : public ByteSource {
 public:
  File(int fd, const std::string& name) : fd_(fd), name_(name) {}

  Result<size_t> Read(char* out, size_t size) override {
    ssize_t n = 0;
    do {
      // Not from the descriptor's own offset, which a client that has it as well can move.
      n = ::pread(fd_, out, size, static_cast<off_t>(at_));
    } while (n < 0 && errno == EINTR);
    if (n < 0) return FailErrno(errno, "cannot read backup '" + name_ + "'");
    at_ += static_cast<uint64_t>(n);
    return static_cast<size_t>(n);
  }
  uint64_t At() const { return at_; }

 private:
  const int fd_;
  const std::string& name_;
  uint64_t at_ = 0;
};

UnpackedFile::UnpackedFile(int fd, std::string name, const Packing& packing, const UnpackLimit& limit)
    : name_(std::move(name)), packing_(packing), limit_(limit), file_(std::make_unique<File>(fd, name_)) {}

UnpackedFile::~UnpackedFile() = default;

uint64_t UnpackedFile::PackedBytes() const {
  return file_->At();
}

Result<void> UnpackedFile::MakeLayers() {
  while (layers_.size() < packing_.layers.size()) {
    ByteSource& below =
        layers_.empty() ? static_cast<ByteSource&>(*file_) : static_cast<ByteSource&>(*layers_.back());
    TRY_ASSIGN(auto layer, Layer::Make(name_, packing_.layers[layers_.size()], below, limit_));
    layers_.push_back(std::move(layer));
  }
  return {};
}

Result<std::string> UnpackedFile::Read(size_t size) {
  TRY(MakeLayers());
  ByteSource& source =
      layers_.empty() ? static_cast<ByteSource&>(*file_) : static_cast<ByteSource&>(*layers_.back());
  std::string bytes(size, '\0');
  size_t have = 0;
  while (have < size) {
    TRY_ASSIGN(const size_t count, source.Read(bytes.data() + have, size - have));
    if (count == 0) break;
    have += count;
  }
  bytes.resize(have);
  return bytes;
}

Result<BackupHead> ReadBackupHead(int fd, const std::string& name, TarFile tar) {
  BackupHead head;
  TRY(AddLayers(fd, name, head));
  if (tar == TarFile::kIsPacking && IsTar(head.bytes)) return ReadHeadInTar(fd, name, std::move(head));
  return head;
}

bool IsTar(std::string_view head) {
  constexpr size_t kMagicAt = 257;
  return head.size() > kMagicAt && head.substr(kMagicAt, 5) == "ustar";
}

std::vector<std::string> NamesInTar(std::string_view head) {
  std::vector<std::string> names;
  while (head.size() >= kTarBlock && head.front() != '\0') {
    const TarHeader header = ReadTarHeader(head.substr(0, kTarBlock));
    names.push_back(header.path);
    const uint64_t blocks = header.size / kTarBlock + (header.size % kTarBlock == 0 ? 1 : 2);
    if (blocks > head.size() / kTarBlock) break;
    head.remove_prefix(static_cast<size_t>(blocks) * kTarBlock);
  }
  return names;
}

Result<BackupHead> ReadHeadInTar(int fd, const std::string& name, BackupHead head) {
  head.packing.layers.push_back(Codec::kTar);
  TRY(AddLayers(fd, name, head));
  return head;
}

}  // namespace spawnd::engines
