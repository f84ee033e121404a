/// Schedules against times that were worked out by hand, in UTC and where clocks are changed.
#include "daemon/sources/cron.h"

#include <ctime>
#include <string>
#include <vector>

namespace spawnd::daemon {
namespace {

int64_t Utc(int year, int month, int day, int hour = 0, int minute = 0, int second = 0) {
  std::tm time{};
  time.tm_year = year - 1900;
  time.tm_mon = month - 1;
  time.tm_mday = day;
  time.tm_hour = hour;
  time.tm_min = minute;
  time.tm_sec = second;
  return ::timegm(&time);
}

std::string InWords(std::optional<int64_t> at) {
  if (!at) return "never";
  const std::time_t time = *at;
  std::tm utc{};
  ::gmtime_r(&time, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &utc);
  return text;
}

ZoneOffset Fixed(int64_t seconds) {
  return [seconds](int64_t) { return seconds; };
}

/// Central Europe in 2026: an hour ahead of UTC, two from 29 March, 01:00 UTC, to 25 October, 01:00 UTC.
int64_t Berlin(int64_t at) {
  return at >= Utc(2026, 3, 29, 1) && at < Utc(2026, 10, 25, 1) ? 7200 : 3600;
}
/// Five hours behind; clocks go ahead on 8 March at 07:00 UTC and back on 1 November at 06:00 UTC.
int64_t NewYork(int64_t at) {
  return at >= Utc(2026, 3, 8, 7) && at < Utc(2026, 11, 1, 6) ? -4 * 3600 : -5 * 3600;
}

CronSchedule Parsed(std::string_view text) {
  auto schedule = CronSchedule::Parse(text);
  INFO(text << ": " << (schedule ? "" : schedule.error().message));
  REQUIRE(schedule);
  return *schedule;
}

/// The next times, in UTC.
std::vector<std::string> Times(std::string_view text, int64_t after, size_t count,
                               const ZoneOffset& zone = Fixed(0)) {
  const CronSchedule schedule = Parsed(text);
  std::vector<std::string> times;
  for (size_t i = 0; i < count; ++i) {
    const auto next = schedule.Next(after, zone);
    times.push_back(InWords(next));
    if (!next) break;
    REQUIRE(*next > after);
    after = *next;
  }
  return times;
}

std::string First(std::string_view text, int64_t after, const ZoneOffset& zone = Fixed(0)) {
  return Times(text, after, 1, zone).front();
}

std::string Refused(std::string_view text) {
  const auto schedule = CronSchedule::Parse(text);
  INFO(text);
  REQUIRE_FALSE(schedule);
  CHECK(schedule.error().code == ErrorCode::kInvalidArgument);
  CHECK_FALSE(schedule.error().hint.empty());
  return schedule.error().message;
}

using Strings = std::vector<std::string>;

TEST_CASE("cron: numbers, ranges, steps, lists and names") {
  const int64_t saturday = Utc(2026, 11, 28, 9, 40, 18);
  CHECK(First("0 3 * * *", saturday) == "2026-11-29 03:00:00");
  CHECK(First("0 3 * * 1-5", saturday) == "2026-11-30 03:00:00");
  CHECK(First("0 3 * * mon-fri", saturday) == "2026-11-30 03:00:00");
  CHECK(First("0 3 * * Sat,SUN", saturday) == "2026-11-29 03:00:00");
  CHECK(First("0 3 * * fri-sun", Utc(2026, 11, 30)) == "2026-12-04 03:00:00");
  CHECK(Times("*/20 9,10 * * *", saturday, 5) == Strings{"2026-11-28 10:00:00", "2026-11-28 10:20:00",
                                                         "2026-11-28 10:40:00", "2026-11-29 09:00:00",
                                                         "2026-11-29 09:20:00"});
  CHECK(Times("5-20/7 10 * * *", saturday, 4) ==
        Strings{"2026-11-28 10:05:00", "2026-11-28 10:12:00", "2026-11-28 10:19:00", "2026-11-29 10:05:00"});
  CHECK(First("30 6 1 jan *", saturday) == "2027-01-01 06:30:00");
  CHECK(First("30 6 1 Feb-Mar,dec *", saturday) == "2026-12-01 06:30:00");
  CHECK(First("59 23 31 12 *", saturday) == "2026-12-31 23:59:00");
  CHECK(First("* * * * *", saturday) == "2026-11-28 09:41:00");
  CHECK(First("* * * * *", Utc(2026, 11, 28, 9, 41)) == "2026-11-28 09:42:00");
  CHECK(First("0\t3   *  * *  ", saturday) == "2026-11-29 03:00:00");
}

TEST_CASE("cron: Sunday is 0 and 7") {
  const int64_t saturday = Utc(2026, 11, 28, 9);
  for (const char* text : {"0 3 * * 0", "0 3 * * 7", "0 3 * * sun", "0 3 * * 7-7"})
    CHECK(First(text, saturday) == "2026-11-29 03:00:00");
  CHECK(First("0 3 * * 5-7", Utc(2026, 11, 30)) == "2026-12-04 03:00:00");
  CHECK(Times("0 3 * * */3", Utc(2026, 11, 29, 4), 3) ==
        Strings{"2026-12-02 03:00:00", "2026-12-05 03:00:00", "2026-12-06 03:00:00"});
}

TEST_CASE("cron: words for the usual ones") {
  const int64_t saturday = Utc(2026, 11, 28, 9, 40);
  CHECK(First("@hourly", saturday) == "2026-11-28 10:00:00");
  CHECK(First("@daily", saturday) == "2026-11-29 00:00:00");
  CHECK(First("@Midnight", saturday) == "2026-11-29 00:00:00");
  CHECK(First("@weekly", saturday) == "2026-11-29 00:00:00");
  CHECK(First("@monthly", saturday) == "2026-12-01 00:00:00");
  CHECK(First("@yearly", saturday) == "2027-01-01 00:00:00");
  CHECK(First(" @annually ", saturday) == "2027-01-01 00:00:00");
}

TEST_CASE("cron: of two days that are said one is enough; beside a star both have to be") {
  // The 13th, and every Friday.
  CHECK(Times("0 0 13 * 5", Utc(2026, 11, 1), 4) ==
        Strings{"2026-11-06 00:00:00", "2026-11-13 00:00:00", "2026-11-20 00:00:00", "2026-11-27 00:00:00"});
  CHECK(Times("0 0 13 * 5", Utc(2026, 12, 5), 2) == Strings{"2026-12-11 00:00:00", "2026-12-13 00:00:00"});
  // A step begins with a star: odd days that are Mondays.
  CHECK(Times("0 0 */2 * 1", Utc(2026, 11, 1), 3) ==
        Strings{"2026-11-09 00:00:00", "2026-11-23 00:00:00", "2026-12-07 00:00:00"});
}

TEST_CASE("cron: months that are too short are passed over, and leap days come") {
  CHECK(Times("0 0 31 * *", Utc(2026, 1, 31), 3) ==
        Strings{"2026-03-31 00:00:00", "2026-05-31 00:00:00", "2026-07-31 00:00:00"});
  CHECK(Times("0 0 29 2 *", Utc(2026, 1, 1), 2) == Strings{"2028-02-29 00:00:00", "2032-02-29 00:00:00"});
  // Over 2100, which has none.
  CHECK(First("0 0 29 2 *", Utc(2096, 3, 1)) == "2104-02-29 00:00:00");
  // A leap day on a Monday, where both have to be.
  CHECK(First("0 0 */28 2 1", Utc(2026, 3, 1)) == "2027-02-01 00:00:00");
}

TEST_CASE("cron: what is never due is refused") {
  CHECK(Refused("0 0 30 2 *").find("never due") != std::string::npos);
  CHECK(Refused("0 0 31 2,4,6,9,11 *").find("never due") != std::string::npos);
  CHECK(CronSchedule::Parse("0 0 30 2 1"));  // on Mondays
  CHECK(CronSchedule::Parse("0 0 29 2 *"));
}

TEST_CASE("cron: what is wrong is said, and where") {
  CHECK(Refused("").find("0 fields") != std::string::npos);
  CHECK(Refused("daily").find("1 field ") != std::string::npos);
  CHECK(Refused("0 3 * *").find("4 fields") != std::string::npos);
  CHECK(Refused("0 3 * * * *").find("6 fields") != std::string::npos);
  CHECK(Refused("60 3 * * *").find("minute 60 is not from 0 to 59") != std::string::npos);
  CHECK(Refused("0 24 * * *").find("hour 24") != std::string::npos);
  CHECK(Refused("0 3 0 * *").find("day of the month 0") != std::string::npos);
  CHECK(Refused("0 3 32 * *").find("day of the month 32") != std::string::npos);
  CHECK(Refused("0 3 * 13 *").find("month 13") != std::string::npos);
  CHECK(Refused("0 3 * * 8").find("day of the week 8") != std::string::npos);
  CHECK(Refused("0 3 * * monday").find("'monday' is no day of the week") != std::string::npos);
  CHECK(Refused("0 mon * * *").find("'mon' is no hour") != std::string::npos);
  CHECK(Refused("5/15 * * * *").find("step without a range") != std::string::npos);
  CHECK(Refused("*/0 * * * *").find("no step from 1") != std::string::npos);
  CHECK(Refused("*/60 * * * *").find("no step from 1") != std::string::npos);
  CHECK(Refused("*/x * * * *").find("no step") != std::string::npos);
  CHECK(Refused("30-10 * * * *").find("goes backwards") != std::string::npos);
  CHECK(Refused("0 3 * * fri-tue").find("goes backwards") != std::string::npos);
  CHECK(Refused("1,,2 * * * *").find("beside a comma") != std::string::npos);
  CHECK(Refused("1, * * * *").find("beside a comma") != std::string::npos);
  CHECK(Refused("-5 * * * *").find("is no minute") != std::string::npos);
  CHECK(Refused("1-2-3 * * * *").find("is no minute") != std::string::npos);
  CHECK(Refused("99999999999999999999 * * * *").find("is no minute") != std::string::npos);
  CHECK(Refused("@reboot").find("@reboot") != std::string::npos);
}

TEST_CASE("cron: local time, east and west") {
  CHECK(First("0 3 * * *", Utc(2026, 11, 28, 9), Berlin) == "2026-11-29 02:00:00");
  CHECK(First("30 0 * * *", Utc(2026, 11, 28, 23), Berlin) == "2026-11-28 23:30:00");
  CHECK(First("0 22 * * sat", Utc(2026, 11, 28, 9), NewYork) == "2026-11-29 03:00:00");
  CHECK(First("15 12 * * *", Utc(2026, 11, 28), Fixed(20700)) == "2026-11-28 06:30:00");  // Kathmandu, +5:45
}

TEST_CASE("cron: where clocks go ahead, what is left out is due at the change, once") {
  // On 29 March 02:00 to 03:00 are left out; the change is at 01:00 UTC.
  CHECK(Times("30 2 * * *", Utc(2026, 3, 28), 4, Berlin) ==
        Strings{"2026-03-28 01:30:00", "2026-03-29 01:00:00", "2026-03-30 00:30:00", "2026-03-31 00:30:00"});
  // Several of them are one moment.
  CHECK(Times("10,20,50 2 * * *", Utc(2026, 3, 29), 3, Berlin) ==
        Strings{"2026-03-29 01:00:00", "2026-03-30 00:10:00", "2026-03-30 00:20:00"});
  CHECK(Times("0 3 * * *", Utc(2026, 3, 29), 2, Berlin) ==
        Strings{"2026-03-29 01:00:00", "2026-03-30 01:00:00"});
  CHECK(Times("30 2 * * *", Utc(2026, 3, 8), 2, NewYork) ==
        Strings{"2026-03-08 07:00:00", "2026-03-09 06:30:00"});
  // By the clock as it is.
  CHECK(Times("30 * * * *", Utc(2026, 3, 29), 3, Berlin) ==
        Strings{"2026-03-29 00:30:00", "2026-03-29 01:30:00", "2026-03-29 02:30:00"});
  CHECK(Times("*/30 2 * * *", Utc(2026, 3, 28, 12), 2, Berlin) ==
        Strings{"2026-03-30 00:00:00", "2026-03-30 00:30:00"});
}

TEST_CASE("cron: where clocks go back, what comes twice is due once, and what goes by the clock twice") {
  // On 25 October 02:00 to 03:00 come twice: at 00:00 and at 01:00 UTC.
  CHECK(Times("30 2 * * *", Utc(2026, 10, 24, 12), 3, Berlin) ==
        Strings{"2026-10-25 00:30:00", "2026-10-26 01:30:00", "2026-10-27 01:30:00"});
  // Between the two nothing is due again.
  CHECK(First("30 2 * * *", Utc(2026, 10, 25, 0, 45), Berlin) == "2026-10-26 01:30:00");
  CHECK(Times("*/30 2 * * *", Utc(2026, 10, 24, 12), 5, Berlin) ==
        Strings{"2026-10-25 00:00:00", "2026-10-25 00:30:00", "2026-10-25 01:00:00", "2026-10-25 01:30:00",
                "2026-10-26 01:00:00"});
  CHECK(Times("0 * * * *", Utc(2026, 10, 24, 23, 30), 3, Berlin) ==
        Strings{"2026-10-25 00:00:00", "2026-10-25 01:00:00", "2026-10-25 02:00:00"});
  CHECK(Times("30 1 * * *", Utc(2026, 11, 1), 2, NewYork) ==
        Strings{"2026-11-01 05:30:00", "2026-11-02 06:30:00"});
}

TEST_CASE("cron: days and their changes are passed over in both ways of counting") {
  CHECK(First("*/30 0 26 10 *", Utc(2026, 10, 20), Berlin) == "2026-10-25 23:00:00");
  CHECK(First("0 0 26 10 *", Utc(2026, 10, 20), Berlin) == "2026-10-25 23:00:00");
  CHECK(First("*/30 0 30 3 *", Utc(2026, 3, 20), Berlin) == "2026-03-29 22:00:00");
  CHECK(First("0 0 30 3 *", Utc(2026, 3, 20), Berlin) == "2026-03-29 22:00:00");
}

TEST_CASE("cron: the machine's own zone") {
  ::setenv("TZ", "Europe/Berlin", 1);
  ::tzset();
  const ZoneOffset zone = LocalZone();
  const bool has_zones = zone(Utc(2026, 7, 1)) == 7200;  // without tzdata all is UTC
  if (has_zones) {
    CHECK(First("30 2 * * *", Utc(2026, 3, 29), zone) == "2026-03-29 01:00:00");
    CHECK(LocalZoneInWords(Utc(2026, 7, 1)) == "CEST, +0200");
  }
  ::setenv("TZ", "<-0330>3:30", 1);
  ::tzset();
  CHECK(zone(Utc(2026, 7, 1)) == -12600);
  CHECK(LocalZoneInWords(Utc(2026, 7, 1)) == "-0330");
  ::unsetenv("TZ");
  ::tzset();
}

}  // namespace
}  // namespace spawnd::daemon
