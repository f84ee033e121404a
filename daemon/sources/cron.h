/// Schedules as cron(8) has them: five fields, or a word such as @daily. Pure: what time it is and which zone
/// that is read in come from the caller. Safe from any thread.
///
///   minute 0-59, hour 0-23, day of the month 1-31, month 1-12 or jan-dec, day of the week 0-7 or sun-sat
///
/// Each is `*`, a number or name, a range `1-5`, either with a step `*/15`, `8-18/2`, or a list of these with
/// commas. Where both days are said (neither begins with a star), one of them is enough, as with cron.
///
/// When clocks are changed: what is due at a time that is left out is due at the moment of the change, and
/// what is due at a time that comes twice is due at the first of them; but where the minute or the hour
/// begins with a star, the schedule goes by the clock as it is, every time.
#pragma once

#include <bitset>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace spawnd::daemon {

/// Seconds that clocks are ahead of UTC at that time (seconds since 1970).
using ZoneOffset = std::function<int64_t(int64_t)>;

class CronSchedule {
 public:
  /// kInvalidArgument, saying which field is wrong and how; also for one that is never due, such as 30
  /// February.
  static Result<CronSchedule> Parse(std::string_view text);

  /// The first time after `after` that it is due, to the second; all times are seconds since 1970. Nothing
  /// when that is further ahead than anybody plans (forty years).
  std::optional<int64_t> Next(int64_t after, const ZoneOffset& offset) const;

 private:
  bool MatchesDay(int64_t day) const;
  std::optional<int64_t> NextByTheClock(int64_t after, const ZoneOffset& offset) const;
  std::optional<int64_t> NextOnce(int64_t after, const ZoneOffset& offset) const;
  bool IsEverDue() const;

  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;    ///< from 1
  std::bitset<13> months_;  ///< from 1
  std::bitset<7> weekdays_;
  bool any_day_ = false;      ///< the field begins with a star
  bool any_weekday_ = false;  ///< the same
  bool by_the_clock_ = false;
};

/// That of this machine, as localtime(3) has it: the variable TZ, or /etc/localtime.
ZoneOffset LocalZone();
/// "CET, +0100" at that time.
std::string LocalZoneInWords(int64_t at);

}  // namespace spawnd::daemon
