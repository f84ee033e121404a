#include "api/point_in_time.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "api/timestamp.h"
#include "base/text.h"

namespace spawnd::api {
namespace {

/// Nanoseconds, of which microseconds count.
constexpr size_t kMostFractionDigits = 9;
constexpr size_t kFractionDigits = 6;
constexpr int64_t kSecondsPerHour = 3600;
constexpr int64_t kSecondsPerMinute = 60;

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

/// The decimal digits at the beginning of `text`, which loses them.
std::string_view TakeDigits(std::string_view& text) {
  size_t length = 0;
  while (length < text.size() && IsDigit(text[length])) ++length;
  const std::string_view digits = text.substr(0, length);
  text.remove_prefix(length);
  return digits;
}

/// Seconds east of Greenwich: Z, +01, +0100, +01:00, with a blank before or none. Nothing: it is none of
/// these.
std::optional<int64_t> OffsetOf(std::string_view text) {
  if (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  if (text == "Z" || text == "z" || text == "UTC") return 0;
  if (text.empty() || (text.front() != '+' && text.front() != '-')) return std::nullopt;
  const int sign = text.front() == '-' ? -1 : 1;
  text.remove_prefix(1);
  std::string digits(TakeDigits(text));
  if (digits.size() == 2 && !text.empty() && text.front() == ':') {
    text.remove_prefix(1);
    const std::string_view minutes = TakeDigits(text);
    if (minutes.size() != 2) return std::nullopt;
    digits += minutes;
  }
  if (digits.size() == 2) digits += "00";
  if (digits.size() != 4 || !text.empty()) return std::nullopt;
  const int hours = std::stoi(digits.substr(0, 2));
  const int minutes = std::stoi(digits.substr(2));
  // No place on Earth is further from Greenwich.
  if (hours > 15 || minutes > 59) return std::nullopt;
  return sign * (hours * kSecondsPerHour + minutes * kSecondsPerMinute);
}

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  text.remove_prefix(std::min(text.size(), text.find_first_not_of(kBlanks)));
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

Error NoTime(std::string_view text) {
  return {ErrorCode::kInvalidArgument, "'" + std::string(text) + "' is no point in time",
          "Write it as 2026-11-28T10:40:18Z, 2026-11-28T10:40:18+01:00 or '2026-11-28 10:40:18.5+01', or say "
          "`immediate` for the end of the backup itself."};
}

}  // namespace

Result<std::string> CanonicalPointInTime(std::string_view text) {
  constexpr std::string_view kPattern = "0000-00-00T00:00:00";
  const std::string trimmed(Trimmed(text));
  if (LowerCase(trimmed) == kImmediate) return std::string(kImmediate);
  if (trimmed.size() < kPattern.size()) return Fail(NoTime(text));
  std::string clock = trimmed.substr(0, kPattern.size());
  char& between = clock[kPattern.find('T')];
  if (between == ' ' || between == 't') between = 'T';
  const std::optional<int64_t> local = ParseTimestamp(clock + "Z");
  if (!local) return Fail(NoTime(text));
  std::string_view rest = std::string_view(trimmed).substr(kPattern.size());
  std::string fraction;
  if (!rest.empty() && rest.front() == '.') {
    rest.remove_prefix(1);
    fraction = TakeDigits(rest);
    if (fraction.empty() || fraction.size() > kMostFractionDigits) return Fail(NoTime(text));
    fraction.resize(std::min(fraction.size(), kFractionDigits));
  }
  if (rest.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "'" + std::string(text) + "' names no time zone",
                "Write Z or the distance from it behind it: " + clock + "Z, " + clock + "+01:00.");
  }
  const std::optional<int64_t> offset = OffsetOf(rest);
  if (!offset) return Fail(NoTime(text));
  const int64_t seconds = *local - *offset;
  // FormatTimestamp's range.
  if (seconds < 0) return Fail(NoTime(text));
  std::string canonical = FormatTimestamp(seconds);
  canonical.pop_back();
  return canonical + (fraction.empty() ? "" : "." + fraction) + "Z";
}

}  // namespace spawnd::api
