#include "engines/version.h"

#include "tests/support/catch.h"

namespace spawnd::engines {
namespace {

TEST_CASE("Versions order as numbers") {
  CHECK(VersionLess("9.6", "15.4"));
  CHECK(VersionLess("15.4", "15.20"));
  CHECK(VersionLess("15", "15.1"));
  CHECK_FALSE(VersionLess("15.20", "15.20"));
  CHECK_FALSE(VersionLess("18beta1", "17.9"));
}

}  // namespace
}  // namespace spawnd::engines
