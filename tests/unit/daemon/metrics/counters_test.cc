#include "daemon/metrics/counters.h"

#include <array>
#include <thread>

#include "daemon/metrics/metrics.h"
#include "tests/support/catch.h"

namespace spawnd::daemon {
namespace {

constexpr std::array kBounds{0.1, 1.0, 2.5};

std::string TextOf(const Family& family) {
  return Expose({family}, Exposition::kText);
}

TEST_CASE("a counter without labels is there from the beginning, one with labels once it has counted") {
  Counters plain({"x", "X.", MetricType::kCounter});
  CHECK(TextOf(plain.Read()).find("x_total 0\n") != std::string::npos);
  Counters labelled({"x", "X.", MetricType::kCounter}, {"code", "engine"});
  CHECK(labelled.Read().samples.empty());
  labelled.Count({"io", "redis"});
  labelled.Count({"io", "redis"});
  labelled.Count({"io"});  // as many values as there are labels, or it is none of ours
  CHECK(TextOf(labelled.Read()).find("x_total{code=\"io\",engine=\"redis\"} 2\n") != std::string::npos);
  CHECK(labelled.Read().samples.size() == 1);
}

TEST_CASE("a bucket counts what is at most its bound, and all below it") {
  Histograms seconds({"x_seconds", "X.", MetricType::kHistogram, "seconds"}, {"verb"}, kBounds);
  for (const double value : {0.05, 0.1, 0.2, 2.5, 100.0}) seconds.Observe({"save"}, value);
  CHECK(TextOf(seconds.Read()) ==
        "# HELP x_seconds X.\n# TYPE x_seconds histogram\n"
        "x_seconds_bucket{verb=\"save\",le=\"0.1\"} 2\n"
        "x_seconds_bucket{verb=\"save\",le=\"1.0\"} 3\n"
        "x_seconds_bucket{verb=\"save\",le=\"2.5\"} 4\n"
        "x_seconds_bucket{verb=\"save\",le=\"+Inf\"} 5\n"
        "x_seconds_sum{verb=\"save\"} 102.85\n"
        "x_seconds_count{verb=\"save\"} 5\n# EOF\n");
  Histograms summary({"x_seconds", "X.", MetricType::kSummary, "seconds"}, {}, {});
  summary.Observe({}, 0.5);
  CHECK(TextOf(summary.Read()) ==
        "# HELP x_seconds X.\n# TYPE x_seconds summary\nx_seconds_sum 0.5\nx_seconds_count 1\n# EOF\n");
}

TEST_CASE("threads count while others read") {
  Metrics metrics;
  constexpr int kThreads = 4;
  constexpr int kEach = 1000;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&metrics, i] {
      for (int n = 0; n < kEach; ++n) {
        metrics.errors.Count({i % 2 == 0 ? "io" : "timeout"});
        metrics.create_seconds.Observe({"redis"}, 0.25);
        if (n % 100 == 0) static_cast<void>(metrics.Read());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(TextOf(metrics.errors.Read()).find("spawnd_errors_total{code=\"io\"} 2000\n") != std::string::npos);
  CHECK(TextOf(metrics.create_seconds.Read()).find("_count{engine=\"redis\"} 4000\n") != std::string::npos);
  CHECK(TextOf(metrics.create_seconds.Read()).find("_sum{engine=\"redis\"} 1000\n") != std::string::npos);
}

}  // namespace
}  // namespace spawnd::daemon
