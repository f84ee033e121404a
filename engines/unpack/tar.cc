/// A tar archive of one file, as `tar -czf shop.tgz shop.sql` makes it.
#include <algorithm>
#include <cstring>
#include <string>

#include "engines/unpack/codecs.h"
#include "engines/unpack/tar_header.h"

namespace spawnd::engines {
namespace {

constexpr size_t kBlock = kTarBlock;
constexpr const char* kUnpackIt = "Unpack it, and name the backup that was in it.";

/// Long names of pax and GNU, folders, links, what macOS puts beside files.
bool IsPassedOver(char type, std::string_view name) {
  const std::string_view file = name.substr(name.rfind('/') + 1);
  return (type != '0' && type != '\0' && type != '7' && type != 'S') || file.substr(0, 2) == "._" ||
         file == ".DS_Store";
}

class Tar final : public Unpacker {
 public:
  bool Begins(std::string_view /*bytes*/) const override { return true; }
  Result<void> Begin() override {
    content_left_ = 0;
    padding_left_ = 0;
    name_.clear();
    return {};
  }

  Result<Step> Next(std::string_view in, char* out, size_t size) override {
    if (content_left_ > 0) {
      const auto count = static_cast<size_t>(std::min<uint64_t>({in.size(), content_left_, size}));
      content_left_ -= count;
      if (passing_over_) return Step{count, 0, false};
      std::memcpy(out, in.data(), count);
      return Step{count, count, false};
    }
    if (padding_left_ > 0) {
      const size_t count = std::min(in.size(), padding_left_);
      padding_left_ -= count;
      return Step{count, 0, false};
    }
    if (in.size() < kBlock) return Step{};
    in = in.substr(0, kBlock);
    if (in.find_first_not_of('\0') != std::string_view::npos) {
      TRY(TakeHeader(in));
      return Step{kBlock, 0, false};
    }
    if (!name_.empty()) return Step{kBlock, 0, true};
    return Fail(ErrorCode::kInvalidArgument, "is a tar archive that has no file in it", kUnpackIt);
  }

 private:
  Result<void> TakeHeader(std::string_view header) {
    const auto [path, type, size] = ReadTarHeader(header);
    const std::string_view name = path;
    content_left_ = size;
    padding_left_ = (kBlock - content_left_ % kBlock) % kBlock;
    passing_over_ = IsPassedOver(type, name);
    if (passing_over_) return {};
    if (type == 'S') {
      return Fail(ErrorCode::kUnsupported, "is a tar archive of a sparse file", kUnpackIt);
    }
    if (!name_.empty()) {
      return Fail(ErrorCode::kInvalidArgument,
                  "is a tar archive of several files: '" + name_ + "', '" + std::string(name) + "'",
                  kUnpackIt);
    }
    name_ = name.empty() ? "?" : name;
    return {};
  }

  std::string name_;  ///< of the file that is unpacked; empty: none yet
  bool passing_over_ = false;
  uint64_t content_left_ = 0;
  size_t padding_left_ = 0;
};

}  // namespace

std::unique_ptr<Unpacker> MakeTar() {
  return std::make_unique<Tar>();
}

}  // namespace spawnd::engines
