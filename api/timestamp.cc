#include "api/timestamp.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <chrono>

namespace spawnd::api {
namespace {

/// Reads the decimal digits of text[offset, offset + length).
std::optional<int> Digits(std::string_view text, size_t offset, size_t length) {
  int value = 0;
  const char* begin = text.data() + offset;
  if (*begin < '0' || *begin > '9') return std::nullopt;  // from_chars would take a sign
  const auto [end, error] = std::from_chars(begin, begin + length, value);
  if (error != std::errc() || end != begin + length) return std::nullopt;
  return value;
}

/// "Z" or ".123Z"
bool IsEnd(std::string_view text) {
  if (text == "Z") return true;
  if (text.size() < 3 || text.size() > 11 || text.front() != '.' || text.back() != 'Z') return false;
  const std::string_view fraction = text.substr(1, text.size() - 2);
  return std::all_of(fraction.begin(), fraction.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::string FormatTimestamp(int64_t seconds) {
  using std::chrono::days;
  using std::chrono::floor;
  const std::chrono::sys_seconds time{std::chrono::seconds(seconds)};
  const std::chrono::sys_days day = floor<days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

std::optional<int64_t> ParseTimestamp(std::string_view text) {
  constexpr std::string_view kPattern = "0000-00-00T00:00:00";
  if (text.size() <= kPattern.size() || !IsEnd(text.substr(kPattern.size()))) return std::nullopt;
  for (size_t i = 0; i < kPattern.size(); ++i) {
    if (kPattern[i] != '0' && kPattern[i] != text[i]) return std::nullopt;
  }
  const auto year = Digits(text, 0, 4);
  const auto month = Digits(text, 5, 2);
  const auto day = Digits(text, 8, 2);
  const auto hour = Digits(text, 11, 2);
  const auto minute = Digits(text, 14, 2);
  const auto second = Digits(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  if (*hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year}, std::chrono::month(*month),
                                         std::chrono::day(*day)};
  if (!date.ok()) return std::nullopt;
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return days * 86400 + *hour * 3600 + *minute * 60 + *second;
}

}  // namespace spawnd::api
