#include "engines/postgresql/restore/tar_walk.h"

#include <algorithm>

#include "engines/unpack/tar_header.h"

namespace spawnd::engines::postgresql {
namespace {

/// The long names of GNU and pax are members of their own, and nobody here looks for one so long.
std::string_view MemberPath(std::string_view path) {
  return path.starts_with("./") ? path.substr(2) : path;
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
    const size_t take = std::min(kTarBlock - header_.size(), bytes.size());
    header_.append(bytes.substr(0, take));
    bytes.remove_prefix(take);
    if (header_.size() == kTarBlock) TakeHeader();
  }
  if (ended_) goes_on_ = goes_on_ || bytes.find_first_not_of('\0') != std::string_view::npos;
  if (!last || ended_) return {};
  return Fail(ErrorCode::kInvalidArgument, "'" + name + "' is truncated: the tar archive has no end",
              "Copy or make the backup again.");
}

void TarWalk::TakeHeader() {
  if (header_.find_first_not_of('\0') == std::string::npos) {
    ended_ = true;
  } else {
    const TarHeader member = ReadTarHeader(header_);
    content_left_ = (member.size + kTarBlock - 1) / kTarBlock * kTarBlock;
    keeping_ = false;
    if (on_member) on_member(MemberPath(member.path));
    if (keeping_) kept_.clear();
  }
  header_.clear();
}

}  // namespace spawnd::engines::postgresql
