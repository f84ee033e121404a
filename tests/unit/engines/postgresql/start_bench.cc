/// Not part of a test run: `unit_engines "[.bench]"` prints how long a server takes from exec to the first
/// answer and how long preparing it takes, for every installed version. Numbers are in
/// engines/postgresql/README.md.
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "engines/postgresql/scram.h"
#include "tests/support/catch.h"
#include "tests/unit/engines/test_server.h"

namespace spawnd::engines::testing {
namespace {

using std::chrono::steady_clock;

double MillisecondsSince(steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(steady_clock::now() - start).count();
}

double Percentile(std::vector<double> values, size_t percent) {
  std::sort(values.begin(), values.end());
  return values[(values.size() - 1) * percent / 100];
}

TEST_CASE("Time from exec to the first answer, and of preparing", "[.bench]") {
  constexpr int kRounds = 20;
  for (const Installation& installation : Installed()) {
    TestServer server(installation);
    Credentials admin = Postgresql().MakeCredentials("");
    std::vector<double> start;
    std::vector<double> prepare;
    for (int round = 0; round <= kRounds; ++round) {
      const auto begin = steady_clock::now();
      auto session = server.Start();
      const double started = MillisecondsSince(begin);
      const auto ready = steady_clock::now();
      REQUIRE(session->PrepareContainer(admin).has_value());
      const double prepared = MillisecondsSince(ready);
      REQUIRE(session->PrepareImage(admin).has_value());
      session.reset();
      server.Stop();
      if (round == 0) continue;  // made the placeholder
      start.push_back(started);
      prepare.push_back(prepared);
    }
    std::printf("PostgreSQL %-6s start p10 %.1f p50 %.1f p90 %.1f ms, prepare p50 %.2f p90 %.2f ms\n",
                installation.version.c_str(), Percentile(start, 10), Percentile(start, 50),
                Percentile(start, 90), Percentile(prepare, 50), Percentile(prepare, 90));
  }
  const auto begin = steady_clock::now();
  for (int i = 0; i < 100; ++i) REQUIRE(postgresql::ScramVerifier("abcdefghijklmnop").has_value());
  std::printf("verifier %.2f ms\n", MillisecondsSince(begin) / 100);
}

}  // namespace
}  // namespace spawnd::engines::testing
