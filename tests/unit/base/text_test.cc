#include "base/text.h"

#include "tests/support/catch.h"

namespace spawnd {
namespace {

TEST_CASE("Texts in one case, and compared in any") {
  CHECK(LowerCase("SourceType\xc3\x84") == "sourcetype\xc3\x84");
  CHECK(UpperCase("az_\xc3\xa4Z9") == "AZ_\xc3\xa4Z9");
  CHECK(SameInAnyCase("Create", "cREATE"));
  CHECK(SameInAnyCase("", ""));
  CHECK_FALSE(SameInAnyCase("create", "creat"));
  // '[' and '{' are as far apart as letters of the two cases.
  CHECK_FALSE(SameInAnyCase("[", "{"));
  CHECK(StartsInAnyCase("create table", "CREATE"));
  CHECK(StartsInAnyCase("x", ""));
  CHECK_FALSE(StartsInAnyCase("CREAT", "CREATE"));
}

TEST_CASE("The last name of a path") {
  CHECK(BaseName("/a/b.sql") == "b.sql");
  CHECK(BaseName("b.sql") == "b.sql");
  CHECK(BaseName("/a/").empty());
}

}  // namespace
}  // namespace spawnd
