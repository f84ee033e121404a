#include "daemon/sources/cron.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <ctime>
#include <span>
#include <utility>
#include <vector>

#include "base/text.h"

namespace spawnd::daemon {
namespace {

constexpr int64_t kMinute = 60;
constexpr int64_t kHour = 3600;
constexpr int64_t kDay = 86400;
/// 29 February falls on a given day of the week once in 28 years, and in 40 where 2100 is in between.
constexpr int64_t kLookedAhead = 41 * 366;
/// A clock is changed at a multiple of this in every zone there is.
constexpr int64_t kZoneStep = 15 * kMinute;

constexpr std::array<std::string_view, 12> kMonths{"jan", "feb", "mar", "apr", "may", "jun",
                                                   "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> kWeekdays{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
constexpr std::array<int, 13> kLongest{0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

struct Field {
  std::string_view name;
  int first;
  int last;
  std::span<const std::string_view> names;
  int first_name;
};

constexpr std::array<Field, 5> kFields{{{"minute", 0, 59, {}, 0},
                                        {"hour", 0, 23, {}, 0},
                                        {"day of the month", 1, 31, {}, 0},
                                        {"month", 1, 12, kMonths, 1},
                                        {"day of the week", 0, 7, kWeekdays, 0}}};

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kWords{{{"@yearly", "0 0 1 1 *"},
                                                                               {"@annually", "0 0 1 1 *"},
                                                                               {"@monthly", "0 0 1 * *"},
                                                                               {"@weekly", "0 0 * * 0"},
                                                                               {"@daily", "0 0 * * *"},
                                                                               {"@midnight", "0 0 * * *"},
                                                                               {"@hourly", "0 * * * *"}}};

constexpr const char* kHint =
    "It is five fields as cron has them: minute, hour, day of the month, month, day of the week; "
    "\"0 3 * * 1-5\" is at three on working days.";

tl::unexpected<Error> Bad(const std::string& what) {
  return Fail(ErrorCode::kInvalidArgument, what, kHint);
}

Result<int> ReadNumber(std::string_view text, const Field& field) {
  for (size_t i = 0; i < field.names.size(); ++i) {
    if (LowerCase(text) == field.names[i]) return field.first_name + static_cast<int>(i);
  }
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.starts_with('-')) {
    return Bad(fmt::format("'{}' is no {}", text, field.name));
  }
  if (number >= field.first && number <= field.last) return number;
  return Bad(fmt::format("{} {} is not from {} to {}", field.name, text, field.first, field.last));
}

/// What a range with its step stands for: (first, last, step).
struct Range {
  int first;
  int last;
  int step;
};

Result<Range> ReadRange(std::string_view text, const Field& field) {
  const size_t slash = text.find('/');
  const std::string_view range = text.substr(0, slash);
  const size_t dash = range.find('-');
  Range read{field.first, field.last == 7 ? 6 : field.last, 1};
  if (range != "*") {
    TRY_ASSIGN(read.first, ReadNumber(range.substr(0, dash), field));
    read.last = read.first;
    if (dash != std::string_view::npos) {
      TRY_ASSIGN(read.last, ReadNumber(range.substr(dash + 1), field));
    }
    // 'fri-sun' ends in the Sunday behind the Saturday.
    if (field.last == 7 && dash != std::string_view::npos && read.last == 0 && read.first > 0) read.last = 7;
    if (read.last < read.first) {
      return Bad(
          fmt::format("'{}' of the {} goes backwards: write it as two, with a comma", text, field.name));
    }
  }
  if (slash == std::string_view::npos) return read;
  if (range != "*" && dash == std::string_view::npos) {
    return Bad(fmt::format("'{}' of the {} has a step without a range: write {}-{}/...", text, field.name,
                           range, field.last));
  }
  const std::string_view step = text.substr(slash + 1);
  const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), read.step);
  if (error != std::errc() || end != step.data() + step.size() || read.step < 1 || read.step > field.last) {
    return Bad(fmt::format("'{}' of the {} has no step from 1 to {}", text, field.name, field.last));
  }
  return read;
}

template <size_t N>
Result<void> ReadField(std::string_view text, const Field& field, std::bitset<N>& set) {
  while (true) {
    const size_t comma = text.find(',');
    const std::string_view one = text.substr(0, comma);
    if (one.empty()) return Bad(fmt::format("the {} has nothing beside a comma", field.name));
    TRY_ASSIGN(const Range range, ReadRange(one, field));
    for (int i = range.first; i <= range.last; i += range.step) set.set(static_cast<size_t>(i) % N);
    if (comma == std::string_view::npos) return {};
    text.remove_prefix(comma + 1);
  }
}

std::vector<std::string_view> Words(std::string_view text) {
  constexpr std::string_view kBlanks = " \t";
  std::vector<std::string_view> words;
  while (true) {
    const size_t begin = text.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) return words;
    const size_t end = std::min(text.find_first_of(kBlanks, begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    text.remove_prefix(end);
  }
}

struct Date {
  int month;
  int day;
};

/// Of a day since 1970-01-01, by the calendar of 400 years
/// (https://howardhinnant.github.io/date_algorithms.html, civil_from_days).
Date DateOf(int64_t days) {
  days += 719468;
  const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const int64_t of_era = days - era * 146097;
  const int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  const int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
  const int64_t month = (5 * of_year + 2) / 153;
  return {static_cast<int>(month < 10 ? month + 3 : month - 9),
          static_cast<int>(of_year - (153 * month + 2) / 5 + 1)};
}

int64_t FloorDivide(int64_t a, int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

/// The moment at which clocks show `wall` for the first time or, where they leave it out, pass over it.
int64_t MomentOf(int64_t wall, const ZoneOffset& offset) {
  const int64_t before = offset(wall - kDay);
  const int64_t after = offset(wall + kDay);
  for (const int64_t one : {std::max(before, after), std::min(before, after)}) {
    if (offset(wall - one) == one) return wall - one;
  }
  int64_t from = wall - std::max(before, after);
  int64_t to = wall - std::min(before, after);
  // Between the two lies the change: from the last second with the one offset to the first with the other.
  const int64_t at_from = offset(from - 1);
  --from;
  while (to - from > 1) {
    const int64_t middle = from + (to - from) / 2;
    (offset(middle) == at_from ? from : to) = middle;
  }
  return to;
}

}  // namespace

Result<CronSchedule> CronSchedule::Parse(std::string_view text) {
  std::vector<std::string_view> words = Words(text);
  if (words.size() == 1 && words[0].starts_with('@')) {
    const std::string word = LowerCase(words[0]);
    const auto known =
        std::find_if(kWords.begin(), kWords.end(), [&](const auto& one) { return one.first == word; });
    if (known == kWords.end()) {
      return Bad(fmt::format("'{}' is no schedule: there are @hourly, @daily, @weekly, @monthly and @yearly",
                             words[0]));
    }
    words = Words(known->second);
  }
  if (words.size() != kFields.size()) {
    return Bad(fmt::format("schedule '{}' has {} field{} and not five", text, words.size(),
                           words.size() == 1 ? "" : "s"));
  }
  CronSchedule schedule;
  const auto read = [&]() -> Result<void> {
    TRY(ReadField(words[0], kFields[0], schedule.minutes_));
    TRY(ReadField(words[1], kFields[1], schedule.hours_));
    TRY(ReadField(words[2], kFields[2], schedule.days_));
    TRY(ReadField(words[3], kFields[3], schedule.months_));
    return ReadField(words[4], kFields[4], schedule.weekdays_);
  };
  if (auto all = read(); !all) return Fail(all.error().Wrap(fmt::format("schedule '{}'", text)));
  schedule.by_the_clock_ = words[0].starts_with('*') || words[1].starts_with('*');
  schedule.any_day_ = words[2].starts_with('*');
  schedule.any_weekday_ = words[4].starts_with('*');
  if (schedule.IsEverDue()) return schedule;
  return Bad(fmt::format("schedule '{}' is never due: no such month has such a day", text));
}

/// Every date falls on every day of the week in some year.
bool CronSchedule::IsEverDue() const {
  if (!any_day_ && !any_weekday_) return true;
  for (size_t month = 1; month < kLongest.size(); ++month) {
    for (int day = 1; months_[month] && day <= kLongest[month]; ++day) {
      if (days_[static_cast<size_t>(day)]) return true;
    }
  }
  return false;
}

bool CronSchedule::MatchesDay(int64_t day) const {
  const Date date = DateOf(day);
  if (!months_[static_cast<size_t>(date.month)]) return false;
  const int64_t weekday = (day % 7 + 11) % 7;  // 1970 began on a Thursday
  const bool of_month = days_[static_cast<size_t>(date.day)];
  const bool of_week = weekdays_[static_cast<size_t>(weekday)];
  return any_day_ || any_weekday_ ? of_month && of_week : of_month || of_week;
}

std::optional<int64_t> CronSchedule::Next(int64_t after, const ZoneOffset& offset) const {
  return by_the_clock_ ? NextByTheClock(after, offset) : NextOnce(after, offset);
}

/// Minute after minute as they come, but for what cannot be due.
std::optional<int64_t> CronSchedule::NextByTheClock(int64_t after, const ZoneOffset& offset) const {
  int64_t at = FloorDivide(after, kMinute) * kMinute + kMinute;
  const int64_t end = after + kLookedAhead * kDay;
  while (at < end) {
    const int64_t zone = offset(at);
    const int64_t wall = at + zone;
    const int64_t day = FloorDivide(wall, kDay);
    const int64_t second = wall - day * kDay;
    int64_t next = at + kMinute;
    if (!MatchesDay(day)) {
      next = at + kDay - second;
    } else if (!hours_[static_cast<size_t>(second / kHour)]) {
      next = at + kHour - second % kHour;
    } else if (minutes_[static_cast<size_t>(second % kHour / kMinute)]) {
      return at;
    }
    // Clocks are changed on the way: what looked like midnight is not.
    if (offset(next) != zone) next = std::min(next, at + kZoneStep - second % kZoneStep);
    at = next;
  }
  return std::nullopt;
}

/// Clock times in their order, each of which is one moment. A day back: a change may have moved `after`
/// ahead.
std::optional<int64_t> CronSchedule::NextOnce(int64_t after, const ZoneOffset& offset) const {
  const int64_t first = FloorDivide(after + offset(after), kDay) - 1;
  for (int64_t day = first; day < first + kLookedAhead; ++day) {
    if (!MatchesDay(day)) continue;
    if (day > first + 1 || MomentOf(day * kDay + kDay - kMinute, offset) > after) {
      for (int64_t minute = 0; minute < kDay / kMinute; ++minute) {
        if (!hours_[static_cast<size_t>(minute / 60)] || !minutes_[static_cast<size_t>(minute % 60)])
          continue;
        const int64_t moment = MomentOf(day * kDay + minute * kMinute, offset);
        if (moment > after) return moment;
      }
    }
  }
  return std::nullopt;
}

ZoneOffset LocalZone() {
  return [](int64_t at) -> int64_t {
    const std::time_t time = at;
    std::tm local{};
    return ::localtime_r(&time, &local) == nullptr ? 0 : local.tm_gmtoff;
  };
}

std::string LocalZoneInWords(int64_t at) {
  const std::time_t time = at;
  std::tm local{};
  if (::localtime_r(&time, &local) == nullptr) return "UTC";
  const int64_t minutes = local.tm_gmtoff / kMinute;
  const std::string ahead =
      fmt::format("{}{:02}{:02}", minutes < 0 ? '-' : '+', std::abs(minutes) / 60, std::abs(minutes) % 60);
  const std::string_view name = local.tm_zone == nullptr ? "" : local.tm_zone;
  return name.empty() || name.starts_with('+') || name.starts_with('-') ? ahead
                                                                        : fmt::format("{}, {}", name, ahead);
}

}  // namespace spawnd::daemon
