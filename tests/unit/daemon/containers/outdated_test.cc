/// What is said of a container that runs something older than what is installed.
#include "daemon/containers/outdated.h"

#include "tests/support/catch.h"

namespace spawnd::daemon {
namespace {

TEST_CASE("a container is outdated by its keeper, its server or both") {
  const Build now{"1.1.0", "abc"};
  engines::Installation installed{"postgresql", "15.20", "/pg"};
  installed.identity = {7, 100, 1, 1};
  const std::string program = installed.identity.Text();
  const auto why = [&](const WhatRuns& runs) { return WhyOutdated(runs, now, &installed, "PostgreSQL"); };

  CHECK(why({"1.1.0", "abc", "15.20", program}).empty());
  CHECK(why({"1.0.0", "abc", "15.20", program}) == "it runs spawnd 1.0.0, this is 1.1.0");
  CHECK(why({"1.1.0", "def", "15.20", program}) == "it runs another build of spawnd 1.1.0 than this");
  CHECK(why({"1.1.0", "abc", "15.14", program}) == "it runs PostgreSQL 15.14, 15.20 is installed");
  CHECK(why({"1.1.0", "abc", "15.20", "8 100 1 1"}) ==
        "its server is not the file that is installed now as PostgreSQL 15.20");
  CHECK(why({"1.0.0", "", "15.14", ""}) ==
        "it runs spawnd 1.0.0, this is 1.1.0; it runs PostgreSQL 15.14, 15.20 is installed");
  // A keeper of before it was told: of its server nothing is known.
  CHECK(why({}) == "it runs a spawnd from before 1.1.0");
  // A server that is not installed any more, or could not be asked.
  CHECK(WhyOutdated({"1.1.0", "abc", "15.14", program}, now, nullptr, "PostgreSQL").empty());
  // A linker that gives no build id.
  CHECK(WhyOutdated({"1.1.0", "", "15.20", program}, {"1.1.0", ""}, &installed, "PostgreSQL").empty());
}

}  // namespace
}  // namespace spawnd::daemon
