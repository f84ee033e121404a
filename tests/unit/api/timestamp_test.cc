#include "api/timestamp.h"

#include "tests/support/catch.h"

using spawnd::api::FormatTimestamp;
using spawnd::api::ParseTimestamp;

TEST_CASE("times are RFC 3339 in UTC, both ways") {
  CHECK(FormatTimestamp(0) == "1970-01-01T00:00:00Z");
  CHECK(FormatTimestamp(1735787045) == "2025-01-02T03:04:05Z");
  CHECK(FormatTimestamp(951827696) == "2000-02-29T12:34:56Z");
  for (int64_t seconds = 0; seconds < 253402300799; seconds += 99'999'937) {
    REQUIRE(ParseTimestamp(FormatTimestamp(seconds)) == seconds);
  }
  CHECK(ParseTimestamp("2025-01-02T03:04:05.25Z") == 1735787045);
}

TEST_CASE("anything else is no time") {
  for (const char* text :
       {"", "Z", "2025-01-02", "2025-01-02T03:04:05", "2025-01-02 03:04:05Z", "2025-13-02T03:04:05Z",
        "2025-02-29T03:04:05Z", "2025-01-02T24:04:05Z", "2025-01-02T03:60:05Z", "2025-01-02T03:04:05+01:00",
        "2025-01-02T03:04:05.Z", "2025-01-02T03:04:05.xZ", "+025-01-02T03:04:05Z", "2025-01-02T03:04:0-Z",
        "20a5-01-02T03:04:05Z", "2025-01-02T03:04:05Zjunk"}) {
    INFO(text);
    CHECK_FALSE(ParseTimestamp(text));
  }
}
