/// What restore tools said in builds that failed, kept for a day after the image itself is gone. One file
/// each, in StoreLayout::FailedLogs(): "<image id>,<owner>,<name>.log", with ',' for '/' in the name. The
/// file is all there is: when it failed is when it was last written.
///
/// Keeping is a rename, so that a crash leaves the log in one place or the other, and reconciliation removes
/// it in the first. What is kept is bounded by age, by number and by size, of one user and of all; what is
/// too much goes, oldest first. Any thread; may block.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/result.h"
#include "daemon/store/layout.h"

namespace spawnd::daemon {

inline constexpr int64_t kFailedLogSeconds = 24 * 3600;

/// Whose image it was to be.
struct FailedBuild {
  int64_t id = 0;
  uid_t owner = 0;
  std::string name{};
};

/// Ends the log of that image with `why` and keeps it. False: there is none, or nothing in it.
Result<bool> KeepFailedLog(const StoreLayout& layout, const FailedBuild& build, const Error& why);

/// The newest that `reference` means, an id or a name: of `owner`'s, of anybody's without one. None: there is
/// no such, or it is older than a day.
std::optional<std::string> FindFailedLog(const StoreLayout& layout, std::string_view reference,
                                         std::optional<uid_t> owner);

/// Removes what is too old or too much.
Result<void> SweepFailedLogs(const StoreLayout& layout);

}  // namespace spawnd::daemon
