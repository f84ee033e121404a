/// A tar archive of one file, as `tar -czf shop.tgz shop.sql` makes it, or one of several of which somebody
/// is told (MemberListener).
#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>

#include "engines/unpack/codecs.h"
#include "engines/unpack/tar_header.h"

namespace spawnd::engines {
namespace {

constexpr size_t kBlock = kTarBlock;
constexpr const char* kUnpackIt = "Unpack it, and name the backup that was in it.";
/// Bounds what headers say of the member that follows.
constexpr uint64_t kMaxExtended = uint64_t{1} << 20U;

bool IsFile(char type) {
  return type == '0' || type == '\0' || type == '7' || type == 'S';
}

/// What macOS puts beside files.
bool IsOfMacos(std::string_view name) {
  const std::string_view file = name.substr(name.rfind('/') + 1);
  return file.substr(0, 2) == "._" || file == ".DS_Store";
}

/// What a member of pax (records of "LENGTH KEY=VALUE\n") or GNU (a long name) says of the next one.
struct Extended {
  std::string path;
  std::string size;
  bool is_sparse = false;

  void Take(char type, std::string_view text) {
    if (type == 'L') path = text.substr(0, text.find('\0'));
    while (type == 'x' && !text.empty()) {
      size_t length = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
      const auto digits = static_cast<size_t>(end - text.data());
      if (error != std::errc() || length <= digits + 1 || length > text.size()) return;
      const std::string_view record = text.substr(digits + 1, length - digits - 2);
      const std::string_view value = record.substr(std::min(record.size(), record.find('=') + 1));
      if (record.starts_with("path=")) path = value;
      if (record.starts_with("size=")) size = value;
      is_sparse = is_sparse || record.starts_with("GNU.sparse.");
      text.remove_prefix(length);
    }
  }
};

class Tar final : public Unpacker {
 public:
  explicit Tar(MemberListener listener) : listener_(std::move(listener)) {}
  bool Begins(std::string_view /*bytes*/) const override { return true; }
  Result<void> Begin() override {
    content_left_ = 0;
    padding_left_ = 0;
    name_.clear();
    return {};
  }

  Result<Step> Next(std::string_view in, char* out, size_t size) override {
    if (content_left_ > 0) return TakeContent(in, out, size);
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
  Result<Step> TakeContent(std::string_view in, char* out, size_t size) {
    const auto count = static_cast<size_t>(std::min<uint64_t>({in.size(), content_left_, size}));
    content_left_ -= count;
    if (extends_ != 0) {
      extended_text_.append(in.substr(0, count));
      if (content_left_ == 0) extended_.Take(extends_, extended_text_);
    }
    if (passing_over_) return Step{count, 0, false};
    std::memcpy(out, in.data(), count);
    return Step{count, count, false};
  }

  Result<void> TakeHeader(std::string_view bytes) {
    TarHeader header = ReadTarHeader(bytes);
    extends_ = header.type == 'x' || header.type == 'L' ? header.type : '\0';
    extended_text_.clear();
    passing_over_ = true;
    if (extends_ == 0) Extend(header);
    content_left_ = header.size;
    padding_left_ = (kBlock - content_left_ % kBlock) % kBlock;
    if (extends_ != 0 && header.size > kMaxExtended) {
      return Fail(ErrorCode::kUnsupported, "is a tar archive with a name of more than 1 MiB", kUnpackIt);
    }
    if (extends_ != 0 || IsOfMacos(header.path)) return {};
    if (header.type == 'S') {
      return Fail(ErrorCode::kUnsupported, "is a tar archive of a sparse file", kUnpackIt);
    }
    return listener_ ? TellOf(header) : TakeOnly(header);
  }

  /// By what headers before it said.
  void Extend(TarHeader& header) {
    if (!extended_.path.empty()) header.path = extended_.path;
    if (!extended_.size.empty()) {
      std::from_chars(extended_.size.data(), extended_.size.data() + extended_.size.size(), header.size);
    }
    if (extended_.is_sparse && IsFile(header.type)) header.type = 'S';
    extended_ = {};
  }

  Result<void> TellOf(const TarHeader& header) {
    const bool is_folder = header.type == '5' || (IsFile(header.type) && header.path.ends_with('/'));
    const char* what = header.type == '1' || header.type == '2'   ? "a link"
                       : header.type >= '3' && header.type <= '6' ? "a device or pipe"
                                                                  : nullptr;
    if (what != nullptr && !is_folder) {
      return Fail(ErrorCode::kUnsupported,
                  "is a tar archive with " + std::string(what) + " in it, '" + header.path + "'", kUnpackIt);
    }
    if (!is_folder && !IsFile(header.type)) return {};
    name_ = header.path.empty() ? "?" : header.path;
    passing_over_ = is_folder;
    return listener_(name_, is_folder);
  }

  Result<void> TakeOnly(const TarHeader& header) {
    passing_over_ = !IsFile(header.type);
    if (passing_over_) return {};
    if (!name_.empty()) {
      return Fail(ErrorCode::kInvalidArgument,
                  "is a tar archive of several files: '" + name_ + "', '" + header.path + "'", kUnpackIt);
    }
    name_ = header.path.empty() ? "?" : header.path;
    return {};
  }

  const MemberListener listener_;
  std::string name_;  ///< of the file that is unpacked; empty: none yet
  bool passing_over_ = false;
  char extends_ = '\0';  ///< type of a member that says something of the next one; 0: it does not
  std::string extended_text_;
  Extended extended_;
  uint64_t content_left_ = 0;
  size_t padding_left_ = 0;
};

}  // namespace

std::unique_ptr<Unpacker> MakeTar(MemberListener listener) {
  return std::make_unique<Tar>(std::move(listener));
}

}  // namespace spawnd::engines
