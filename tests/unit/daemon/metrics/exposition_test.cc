#include "daemon/metrics/exposition.h"

#include <cmath>
#include <limits>

#include "tests/support/catch.h"

namespace spawnd::daemon {
namespace {

Family Requests() {
  return {{"x_requests", "Answered, back\\slash.", MetricType::kCounter}, {{{{"route", "/a\"b\\c\nd"}}, 3}}};
}

TEST_CASE("the two formats call a counter's family differently, and its series the same") {
  CHECK(Expose({Requests()}, Exposition::kText) ==
        "# HELP x_requests_total Answered, back\\\\slash.\n"
        "# TYPE x_requests_total counter\n"
        "x_requests_total{route=\"/a\\\"b\\\\c\\nd\"} 3\n"
        "# EOF\n");
  CHECK(Expose({Requests()}, Exposition::kOpenMetrics) ==
        "# HELP x_requests Answered, back\\\\slash.\n"
        "# TYPE x_requests counter\n"
        "x_requests_total{route=\"/a\\\"b\\\\c\\nd\"} 3\n"
        "# EOF\n");
}

TEST_CASE("a unit is said where that is known") {
  const Family bytes{{"x_bytes", "Bytes.", MetricType::kGauge, "bytes"}, {{{}, 1.5}}};
  CHECK(Expose({bytes}, Exposition::kText) ==
        "# HELP x_bytes Bytes.\n# TYPE x_bytes gauge\nx_bytes 1.5\n# EOF\n");
  CHECK(Expose({bytes}, Exposition::kOpenMetrics) ==
        "# HELP x_bytes Bytes.\n# TYPE x_bytes gauge\n# UNIT x_bytes bytes\nx_bytes 1.5\n# EOF\n");
}

TEST_CASE("numbers are exact, and whole ones have no exponent") {
  const auto text = [](double value) {
    const std::string all = Expose({{{"x", "X."}, {{{}, value}}}}, Exposition::kText);
    return all.substr(all.find("\nx ") + 3, all.find("\n# EOF") - all.find("\nx ") - 3);
  };
  CHECK(text(0) == "0");
  CHECK(text(102745280512.0) == "102745280512");
  CHECK(text(0.1) == "0.1");
  CHECK(text(1.0 / 3) == "0.3333333333333333");
  CHECK(text(-2) == "-2");
  CHECK(text(std::numeric_limits<double>::infinity()) == "+Inf");
  CHECK(text(std::nan("")) == "NaN");
}

TEST_CASE("OpenMetrics is for who asks for it") {
  CHECK(ExpositionFor("") == Exposition::kText);
  CHECK(ExpositionFor("text/plain;version=0.0.4;q=0.5,*/*;q=0.1") == Exposition::kText);
  CHECK(ExpositionFor("application/openmetrics-text;version=1.0.0;q=0.8,text/plain;q=0.5") ==
        Exposition::kOpenMetrics);
}

}  // namespace
}  // namespace spawnd::daemon
