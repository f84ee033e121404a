#include "api/point_in_time.h"

#include "tests/support/catch.h"

namespace spawnd::api {
namespace {

using Catch::Matchers::Contains;

TEST_CASE("a point in time is RFC 3339 or PostgreSQL's own form, and comes out in UTC") {
  const auto of = [](std::string_view text) { return CanonicalPointInTime(text).value_or("none"); };
  CHECK(of("2026-11-28T09:40:18Z") == "2026-11-28T09:40:18Z");
  CHECK(of("2026-11-28t09:40:18z") == "2026-11-28T09:40:18Z");
  CHECK(of("2026-11-28T10:40:18.5+01:00") == "2026-11-28T09:40:18.5Z");
  CHECK(of("2026-11-28 10:40:18.123456+01") == "2026-11-28T09:40:18.123456Z");
  CHECK(of(" 2026-11-28 10:40:18 +0100 ") == "2026-11-28T09:40:18Z");
  CHECK(of("2026-11-28 00:10:00 -0330") == "2026-11-28T03:40:00Z");
  CHECK(of("2026-11-28 10:40:18 UTC") == "2026-11-28T10:40:18Z");
  CHECK(of("2026-01-01 00:00:00+05:30") == "2025-12-31T18:30:00Z");
  // What `date --rfc-3339=ns` prints; servers count microseconds.
  CHECK(of("2026-11-28 09:40:18.123456789+00:00") == "2026-11-28T09:40:18.123456Z");
  CHECK(of("Immediate") == "immediate");
  CHECK(of(of("2026-11-28 10:40:18.123456+01")) == of("2026-11-28 10:40:18.123456+01"));
}

TEST_CASE("what could mean several moments, or none, is no point in time") {
  for (const char* text : {"", "now", "yesterday", "2026-11-28", "2026-11-28T09:40", "2026-02-30T00:00:00Z",
                           "2026-11-28T24:00:00Z", "2026-11-28T09:40:18.Z", "2026-11-28T09:40:18.1234567890Z",
                           "2026-11-28T09:40:18+1", "2026-11-28T09:40:18+01:", "2026-11-28T09:40:18+01:0",
                           "2026-11-28T09:40:18+99:00", "2026-11-28T09:40:18Zulu", "2026-11-28T09:40:18 CET",
                           "1969-12-31T23:59:59Z", "2026-11-28'09:40:18Z", "2026-11-28T09:40:18Z'; drop"}) {
    const auto time = CanonicalPointInTime(text);
    REQUIRE_FALSE(time);
    CHECK(time.error().code == ErrorCode::kInvalidArgument);
    CHECK_THAT(time.error().message, Contains("is no point in time"));
  }
  const auto zoneless = CanonicalPointInTime("2026-11-28 09:40:18");
  REQUIRE_FALSE(zoneless);
  CHECK_THAT(zoneless.error().message, Contains("names no time zone"));
  CHECK_THAT(zoneless.error().hint, Contains("2026-11-28T09:40:18Z"));
}

}  // namespace
}  // namespace spawnd::api
