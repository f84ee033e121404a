#include "daemon/machine/failures.h"

#include <algorithm>
#include <cstdint>

namespace spawnd::daemon {

bool IsMachinesFault(const Error& error) {
  // What libraries and engines say of it, whatever became of the error on its way.
  for (const char* words : {"Cannot assign requested address", "Cannot allocate memory",
                            "Too many open files", "Resource temporarily unavailable"}) {
    if (error.message.find(words) != std::string::npos) return true;
  }
  switch (error.code) {
    case ErrorCode::kNoSpace:
    case ErrorCode::kInUse:
    case ErrorCode::kIo:
    case ErrorCode::kTimeout:
    case ErrorCode::kTooMany:
    case ErrorCode::kUnsupported:
    case ErrorCode::kForbidden:
    case ErrorCode::kNotReady:
    case ErrorCode::kCancelled:
      return true;
    default:
      return false;
  }
}

std::chrono::milliseconds RestartDelay(size_t failures, std::chrono::seconds longest) {
  if (failures <= 1) return std::chrono::milliseconds(0);
  const std::chrono::seconds delay(int64_t{1} << std::min<size_t>(failures - 2, 16));
  return std::min(delay, longest);
}

}  // namespace spawnd::daemon
