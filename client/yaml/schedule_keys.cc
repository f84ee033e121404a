#include "client/yaml/schedule_keys.h"

#include <fmt/format.h>

#include <charconv>

#include "api/resource_limits.h"
#include "client/output/text.h"

namespace spawnd::client {

Result<int64_t> ParseKeep(const std::string& text) {
  int64_t keep = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), keep);
  if (error == std::errc() && end == text.data() + text.size() && keep >= 1) return keep;
  return Fail(ErrorCode::kInvalidArgument, fmt::format("'{}' is no number of images to keep", OneLine(text)),
              "So many of the newest that runs have made stay: 1, 2, 3 ...; without it all do.");
}

Result<void> ReadScheduleKey(const yaml::File& file, std::string_view key, const yaml::Node& value,
                             ScheduleKeys& keys) {
  TRY_ASSIGN(const std::string text, file.Text(value, key).map(Trim));
  if (key == "schedule") {
    if (text.empty())
      return file.Bad(value.line, "the schedule is empty", "\"0 3 * * *\" is at three each night.");
    keys.schedule = text;
  } else if (key == "source") {
    keys.source = text;
  } else if (key == "keep") {
    const auto keep = ParseKeep(text);
    if (!keep) return file.Bad(value.line, keep.error().message, keep.error().hint);
    keys.keep = *keep;
  } else {
    const auto bytes = api::ParseKeptLog(text);
    if (!bytes) return file.Bad(value.line, bytes.error().message, bytes.error().hint);
    keys.max_kept_bytes = *bytes;
  }
  return {};
}

}  // namespace spawnd::client
