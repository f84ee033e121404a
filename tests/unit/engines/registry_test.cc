#include "engines/registry.h"

#include "tests/support/catch.h"
#include "tests/support/direct_run.h"

namespace spawnd::engines {
namespace {

std::vector<Installation> Three() {
  return {{"postgresql", "15.4", "/a"},
          {"postgresql", "15.20", "/b"},
          {"postgresql", "11.22", "/c"},
          {"other", "99", "/d"}};
}

TEST_CASE("Engines are found by any of their names, in any case") {
  for (const char* name : {"postgresql", "PostgreSQL", "postgres", "Postgres"}) {
    REQUIRE(FindEngine(name).has_value());
    CHECK((*FindEngine(name))->Name() == "postgresql");
  }
  const auto unknown = FindEngine("oracle");
  REQUIRE_FALSE(unknown.has_value());
  CHECK(unknown.error().code == ErrorCode::kUnsupported);
  CHECK(unknown.error().message.find("oracle") != std::string::npos);
  CHECK(unknown.error().hint.find("postgresql") != std::string::npos);
  CHECK_FALSE(FindEngine("").has_value());
}

TEST_CASE("The newest that satisfies the version is taken") {
  const Engine& engine = **FindEngine("postgresql");
  CHECK(ChooseInstallation(engine, Three(), "15.0")->root == "/b");
  CHECK(ChooseInstallation(engine, Three(), "11.0")->root == "/c");
  CHECK(ChooseInstallation(engine, Three(), "")->root == "/b");
}

TEST_CASE("Where nobody is told to look, nothing is found, whatever is installed") {
  for (const Engine* engine : AllEngines()) {
    INFO(engine->Name());
    CHECK_FALSE(engine->UsualPlaces().empty());
    CHECK(engine->Detect({}, spawnd::testing::RunDirectly).empty());
    CHECK(engine->Detect({"/nonexistent"}, spawnd::testing::RunDirectly).empty());
  }
}

TEST_CASE("A version that is not here: what is, and how to add one") {
  const Engine& engine = **FindEngine("postgresql");
  const auto missing = ChooseInstallation(engine, Three(), "13.0");
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().code == ErrorCode::kUnsupported);
  CHECK(missing.error().message == "PostgreSQL 13.0 is not installed (installed: 15.4, 15.20, 11.22)");
  CHECK(missing.error().hint.find("apt install postgresql-") != std::string::npos);
  CHECK(ChooseInstallation(engine, {}, "").error().message ==
        "PostgreSQL is not installed (no version of it is)");
}

}  // namespace
}  // namespace spawnd::engines
