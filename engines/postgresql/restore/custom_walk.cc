#include "engines/postgresql/restore/custom_walk.h"

#include <algorithm>

namespace spawnd::engines::postgresql {

Result<void> CustomWalk::Take(std::string_view bytes, bool last, const std::string& name) {
  while (!bytes.empty()) {
    if (skip_ > 0) {
      const auto size = static_cast<size_t>(std::min<uint64_t>(skip_, bytes.size()));
      skip_ -= size;
      bytes.remove_prefix(size);
      continue;
    }
    field_ += bytes.front();
    bytes.remove_prefix(1);
    const size_t whole = expects_ == Expects::kBlock ? 1 : 1 + integer_size_;
    if (field_.size() < whole) continue;
    if (!Step()) return Fail(GoesOnBehindItsEnd(name));
    field_.clear();
  }
  if (!last || (expects_ == Expects::kBlock && skip_ == 0)) return {};
  return Fail(ErrorCode::kInvalidArgument, "'" + name + "' is truncated: it ends within the rows of a table",
              "Copy or make the backup again.");
}

bool CustomWalk::Step() {
  uint64_t number = 0;
  for (size_t i = field_.size() - 1; i > 0; --i) {
    number = number << 8U | static_cast<unsigned char>(field_[i]);
  }
  switch (expects_) {
    case Expects::kBlock:
      // What is copied in blocks of a tape has zeros behind it.
      if (field_[0] == 0) return true;
      objects_ = field_[0] == 3;
      expects_ = Expects::kNumber;
      return objects_ || field_[0] == 1;
    case Expects::kNumber:
      expects_ = objects_ ? Expects::kObject : Expects::kLength;
      return true;
    case Expects::kObject:
      expects_ = number == 0 ? Expects::kBlock : Expects::kLength;
      return true;
    case Expects::kLength:
      skip_ = number;
      if (number == 0) expects_ = objects_ ? Expects::kObject : Expects::kBlock;
      return true;
  }
  return true;
}

Error GoesOnBehindItsEnd(const std::string& name) {
  return {ErrorCode::kInvalidArgument,
          "'" + name + "' goes on behind the end of its archive, and nothing of that would be restored",
          "If it is several archives in one file, name each by itself under `backups`; else copy it again."};
}

}  // namespace spawnd::engines::postgresql
