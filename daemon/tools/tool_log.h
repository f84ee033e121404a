/// The log file of an image build: what restore tools print, up to a limit. For the user to read after a
/// failure; nothing depends on it, so that a full disk here never fails the restore itself. One thread at a
/// time.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/unique_fd.h"

namespace spawnd::daemon {

class ToolLog {
 public:
  /// Appends to `path` (made 0600 when missing) until the file has `limit` bytes; then says so in a last
  /// line.
  ToolLog(const std::string& path, size_t limit);
  void Append(std::string_view bytes);

 private:
  UniqueFd fd_;
  size_t room_ = 0;
};

}  // namespace spawnd::daemon
