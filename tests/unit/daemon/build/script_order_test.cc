#include "daemon/build/script_order.h"

#include <algorithm>

#include "tests/support/catch.h"

namespace spawnd::daemon {
namespace {

using Paths = std::vector<std::string>;

Paths Ordered(Paths paths) {
  // Whatever order they were found in.
  std::reverse(paths.begin(), paths.end());
  const auto ordered = OrderScripts(paths, {"sql"});
  REQUIRE(ordered);
  return ordered->paths;
}

TEST_CASE("Versioned scripts come first, then plain ones, then repeatable ones") {
  const Paths right{"V1__a.sql", "a.sql", "b.sql", "R__a.sql"};
  CHECK(Ordered(right) == right);
}

TEST_CASE("Versions are numbers between dots and underscores") {
  const Paths right{"V0.1__x.sql",           "V1__z.sql",
                    "V1.0.1__y.sql",         "V1.2__a.sql",
                    "V1_10__b.sql",          "V2.sql",
                    "V002_1__c.sql",         "V10__d.sql",
                    "V20261125.1200__e.sql", "V99999999999999999999999999999999__f.sql"};
  CHECK(Ordered(right) == right);
}

TEST_CASE("One version twice is an error that names both, however it is written") {
  for (const Paths& twice : {Paths{"V1__a.sql", "x/V1__b.sql"}, Paths{"V1.0__a.sql", "V1__a.sql"},
                             Paths{"V01_00__a.sql", "V1__c.sql"}, Paths{"V0__a.sql", "V0.0__b.sql"}}) {
    const auto ordered = OrderScripts(twice, {"sql"});
    REQUIRE_FALSE(ordered);
    CHECK(ordered.error().message.find(twice[0]) != std::string::npos);
    CHECK(ordered.error().message.find(twice[1]) != std::string::npos);
  }
  // Only the description of a repeatable script says which it is.
  CHECK(Ordered({"R__a.sql", "x/R__a.sql"}).size() == 2);
}

TEST_CASE("What looks like a prefix and is none is a plain script") {
  const Paths right{"R1__a.sql", "V1x__a.sql", "V1.__a.sql", "V__a.sql", "Values.sql", "v1__a.sql"};
  CHECK(Ordered({"V1__x.sql", "R__z.sql"}).size() == 2);
  Paths with_both = right;
  with_both.push_back("V1__x.sql");
  with_both.push_back("R__z.sql");
  const Paths ordered = Ordered(with_both);
  CHECK(ordered.front() == "V1__x.sql");
  CHECK(ordered.back() == "R__z.sql");
  CHECK(Paths(ordered.begin() + 1, ordered.end() - 1).size() == right.size());
}

TEST_CASE("Sub-folders count for plain scripts, not for versions") {
  const Paths right{"z/V1__a.sql", "V2__b.sql",  "a/V3__c.sql", "01/b.sql",
                    "02/a.sql",    "z/R__a.sql", "a/R__b.sql"};
  CHECK(Ordered(right) == right);
}

TEST_CASE("What is no script is left out, with a note that says why") {
  const auto ordered = OrderScripts(
      {"U1__a.sql", "B2__b.sql", "README", "x/notes.txt", "V1__a.SQL", ".sql", "Users.Sql"}, {"sql"});
  REQUIRE(ordered);
  CHECK(ordered->paths == Paths{"V1__a.SQL", "Users.Sql"});
  REQUIRE(ordered->notes.size() == 5);
  CHECK(ordered->notes[0].find("undo") != std::string::npos);
  CHECK(ordered->notes[1].find("baseline") != std::string::npos);
  CHECK(ordered->notes[3].find("'x/notes.txt'") != std::string::npos);
}

TEST_CASE("An engine says which endings are scripts") {
  const auto ordered = OrderScripts({"a.redis", "b.sql"}, {"redis", "txt"});
  REQUIRE(ordered);
  CHECK(ordered->paths == Paths{"a.redis"});
}

}  // namespace
}  // namespace spawnd::daemon
