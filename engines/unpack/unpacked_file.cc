#include "engines/unpack/unpacked_file.h"

#include <unistd.h>

#include <cerrno>

namespace spawnd::engines {
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

}  // namespace spawnd::engines
