#include "engines/postgresql/restore/tar_walk.h"

#include <algorithm>

namespace spawnd::engines::postgresql {
namespace {

constexpr size_t kBlock = 512;
constexpr size_t kSizeAt = 124;
constexpr size_t kSizeLength = 12;

/// Octal text; or, for members of 8 GiB and more, eleven bytes of a binary number after a byte with its top
/// bit set (GNU's extension, which pg_dump writes too).
uint64_t MemberSize(std::string_view field) {
  uint64_t size = 0;
  if ((static_cast<unsigned char>(field.front()) & 0x80U) != 0) {
    for (const char c : field.substr(1)) size = (size << 8U) | static_cast<unsigned char>(c);
    return size;
  }
  for (const char c : field) {
    if (c >= '0' && c <= '7') size = (size << 3U) | static_cast<uint64_t>(c - '0');
  }
  return size;
}

/// ustar: 155 bytes at 345 go in front of the 100 at the beginning. The long names of GNU and pax are members
/// of their own, and nobody here looks for one so long.
std::string MemberPath(std::string_view header) {
  constexpr size_t kNameLength = 100;
  constexpr size_t kPrefixAt = 345;
  constexpr size_t kPrefixLength = 155;
  const auto text = [](std::string_view field) { return std::string(field.substr(0, field.find('\0'))); };
  std::string path = text(header.substr(0, kNameLength));
  // GNU's own format has other things there.
  if (header.substr(257, 6) == std::string_view("ustar\0", 6)) {
    const std::string prefix = text(header.substr(kPrefixAt, kPrefixLength));
    if (!prefix.empty()) path = prefix + "/" + path;
  }
  return path.substr(0, 2) == "./" ? path.substr(2) : path;
}

}  // namespace

Result<void> TarWalk::Take(std::string_view bytes, bool last, const std::string& name) {
  while (!bytes.empty() && !ended_) {
    if (content_left_ > 0) {
      const auto skip = static_cast<size_t>(std::min<uint64_t>(content_left_, bytes.size()));
      if (keeping_ && kept_.size() < kMaxKept) kept_.append(bytes.substr(0, std::min(skip, kMaxKept)));
      content_left_ -= skip;
      bytes.remove_prefix(skip);
      continue;
    }
    const size_t take = std::min(kBlock - header_.size(), bytes.size());
    header_.append(bytes.substr(0, take));
    bytes.remove_prefix(take);
    if (header_.size() == kBlock) TakeHeader();
  }
  if (!last || ended_) return {};
  return Fail(ErrorCode::kInvalidArgument, "'" + name + "' is truncated: the tar archive has no end",
              "Copy or make the backup again.");
}

void TarWalk::TakeHeader() {
  if (header_.find_first_not_of('\0') == std::string::npos) {
    ended_ = true;
  } else {
    const uint64_t size = MemberSize(std::string_view(header_).substr(kSizeAt, kSizeLength));
    content_left_ = (size + kBlock - 1) / kBlock * kBlock;
    keeping_ = false;
    if (on_member) on_member(MemberPath(header_));
    if (keeping_) kept_.clear();
  }
  header_.clear();
}

}  // namespace spawnd::engines::postgresql
