#include "api/lifetime.h"

#include <string>

#include "tests/support/catch.h"

using spawnd::api::kMaxLifetimeSeconds;
using spawnd::api::ParseLifetime;
using spawnd::api::ValidateLifetime;

TEST_CASE("lifetimes are Go durations plus days") {
  const std::pair<const char*, int64_t> cases[] = {
      {"0", 0},          {"0s", 0},         {"0h0m", 0},
      {"10m", 600},      {"3h10m", 11400},  {"48h", 172800},
      {"7d", 604800},    {"1d12h", 129600}, {"1.5h", 5400},
      {".5m", 30},       {"1h0.1h", 3960},  {"90s", 90},
      {"500ms", 1},      {"1ns", 1},        {"1500ms", 2},
      {"2\xc2\xb5s", 1}, {" 10m \n", 600},  {"36500d", kMaxLifetimeSeconds},
      {"0.1h0.2h", 1080}};
  for (const auto& [text, seconds] : cases) {
    INFO(text);
    const auto lifetime = ParseLifetime(text);
    REQUIRE(lifetime);
    CHECK(*lifetime == seconds);
  }
}

TEST_CASE("a number of seconds has the same limits") {
  CHECK(ValidateLifetime(0));
  CHECK(ValidateLifetime(kMaxLifetimeSeconds));
  for (const int64_t seconds : {int64_t{-1}, kMaxLifetimeSeconds + 1, int64_t{1} << 53}) {
    REQUIRE_FALSE(ValidateLifetime(seconds));
    CHECK(ValidateLifetime(seconds).error().code == spawnd::ErrorCode::kInvalidArgument);
  }
}

TEST_CASE("what is not a duration says so") {
  const std::pair<const char*, const char*> cases[] = {
      {"", "lifetime '' is empty"},
      {"10", "lifetime '10' has no unit"},
      {"10w", "lifetime '10w' has an unknown unit"},
      {"-5m", "lifetime '-5m' is negative"},
      {"h", "lifetime 'h' is not a duration"},
      {"1..5h", "lifetime '1..5h' has an unknown unit"},
      {".", "lifetime '.' is not a duration"},
      {"1h x", "lifetime '1h x' is not a duration"},
      {"36501d", "lifetime '36501d' is longer than 100 years"},
      {"99999999999999999999999999999999999h",
       "lifetime '99999999999999999999999999999999999h' is longer than 100 years"},
  };
  for (const auto& [text, message] : cases) {
    const auto lifetime = ParseLifetime(text);
    REQUIRE_FALSE(lifetime);
    CHECK(lifetime.error().message == message);
    CHECK_FALSE(lifetime.error().hint.empty());
  }
  CHECK_FALSE(ParseLifetime(std::string(1'000'000, '9')));
}
