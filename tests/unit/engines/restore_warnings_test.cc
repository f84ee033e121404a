#include "engines/restore_warnings.h"

#include "tests/support/catch.h"

namespace spawnd::engines {
namespace {

TEST_CASE("Warnings come in the order of the backup, each once with its count") {
  RestoreWarnings warnings("x.sql");
  CHECK(warnings.InOrder().empty());
  warnings.Add("second", 7);
  warnings.Add("first", 3);
  warnings.Add("second", 9);
  warnings.Add("also of line 7", 7);
  warnings.Add("of the whole");
  warnings.Add("of the whole");
  warnings.Add("two\nlines\x7f", 10);
  CHECK(warnings.InOrder() ==
        std::vector<std::string>{"'x.sql': of the whole (2 times)", "line 3 of 'x.sql': first",
                                 "line 7 of 'x.sql': second (2 times, this is the first)",
                                 "line 7 of 'x.sql': also of line 7", "line 10 of 'x.sql': two?lines?"});
}

TEST_CASE("A million different warnings are two hundred and a number") {
  RestoreWarnings warnings("x.sql");
  for (uint64_t line = 1; line <= 1'000'000; ++line) warnings.Add("w" + std::to_string(line), line);
  warnings.Add("w1", 1'000'001);
  const auto said = warnings.InOrder();
  REQUIRE(said.size() == 201);
  CHECK(said.front() == "line 1 of 'x.sql': w1 (2 times, this is the first)");
  CHECK(said.back() == "'x.sql': 999800 more warnings, of other kinds, were left out");
}

}  // namespace
}  // namespace spawnd::engines
