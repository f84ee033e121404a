#include "engines/postgresql/tar_walk.h"

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

}  // namespace

Result<void> TarWalk::Take(std::string_view bytes, bool last, const std::string& name) {
  while (!bytes.empty() && !ended_) {
    if (content_left_ > 0) {
      const auto skip = static_cast<size_t>(std::min<uint64_t>(content_left_, bytes.size()));
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
  }
  header_.clear();
}

}  // namespace spawnd::engines::postgresql
