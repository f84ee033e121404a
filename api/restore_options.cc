#include "api/restore_options.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/point_in_time.h"

namespace spawnd::api {
namespace {

/// Tables that somebody names by hand, or a script does.
constexpr size_t kMostEntries = 2000;
constexpr size_t kLongestEntry = 1024;
/// They are arguments of tools, and looked at for each statement that a server refuses.
constexpr size_t kMostBytes = size_t{64} * 1024;

bool IsLine(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; });
}

Result<void> CheckEntry(std::string_view key, std::string_view text) {
  if (text.size() > kLongestEntry) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("an entry of '{}' has {} bytes, at most {} are allowed", key, text.size(),
                            kLongestEntry));
  }
  if (text.empty()) return Fail(ErrorCode::kInvalidArgument, fmt::format("an entry of '{}' is empty", key));
  if (IsLine(text)) return {};
  return Fail(ErrorCode::kInvalidArgument, fmt::format("an entry of '{}' is no line of text", key));
}

}  // namespace

Result<void> ValidateRestore(const RestoreOptions& options) {
  size_t bytes = 0;
  const std::pair<std::string_view, const std::vector<std::string>&> lists[] = {
      {"onError", options.ignored_errors},
      {"skipExtensions", options.skip_extensions},
      {"tables", options.tables},
      {"excludeTables", options.exclude_tables},
      {"excludeData", options.exclude_data}};
  for (const auto& [key, entries] : lists) {
    if (entries.size() > kMostEntries) {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("'{}' has {} entries, at most {} are allowed", key,
                                                           entries.size(), kMostEntries));
    }
    for (const std::string& entry : entries) {
      TRY(CheckEntry(key, entry));
      bytes += entry.size() + 1;
    }
    if (bytes > kMostBytes) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("the lists up to '{}' have more than {} bytes together", key, kMostBytes),
                  "Patterns such as shop.* say more in fewer words.");
    }
  }
  if (!options.locale.empty()) TRY(CheckEntry("locale", options.locale));
  if (!options.encoding.empty()) TRY(CheckEntry("encoding", options.encoding));
  if (!options.at.empty()) TRY(CanonicalPointInTime(options.at));
  return {};
}

}  // namespace spawnd::api
