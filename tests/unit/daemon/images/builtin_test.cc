#include "daemon/images/builtin.h"

#include <set>
#include <string>

#include "engines/registry.h"
#include "tests/support/catch.h"

namespace spawnd::daemon {
namespace {

ImageRow RowOf(const std::string& engine, const std::string& version) {
  ImageRow row;
  row.id = 10042;
  row.engine = engine;
  row.engine_version = version;
  row.cache_key = "made";
  return row;
}

TEST_CASE("built-in images: an id follows from engine and version, and leads back to them") {
  std::set<int64_t> ids;
  const std::pair<const char*, const char*> versions[] = {
      {"postgresql", "9.6.24"}, {"postgresql", "11.22"},  {"postgresql", "15.18"}, {"postgresql", "18.0"},
      {"mariadb", "10.4.34"},   {"mariadb", "10.11.19"},  {"mariadb", "11.8.2"},   {"mysql", "5.7.44"},
      {"mysql", "8.0.40"},      {"mysql", "8.4.3"},       {"redis", "6.2.14"},     {"redis", "7.0.15"},
      {"redis", "8.2.1"},       {"mssql", "15.0.4188.2"}, {"mssql", "16.0.4135.4"}};
  for (const auto& [name, version] : versions) {
    INFO(name << " " << version);
    const int64_t id = BuiltInId(RowOf(name, version));
    CHECK(id > 0);
    CHECK(id < 10001);
    CHECK(ids.insert(id).second);
    const auto found = FindBuiltIn(std::to_string(id));
    REQUIRE(found);
    CHECK(found->engine->Name() == name);
    CHECK(found->version == found->engine->MajorVersion(version));
    CHECK(found->name == std::string(found->engine->ShortName()) + "-empty");
  }
  CHECK(BuiltInId(RowOf("postgresql", "15.18")) == BuiltInId(RowOf("postgresql", "15.19")));
  CHECK(BuiltInId(RowOf("an engine of a later build", "1.0")) == 10042);
  for (const char* none : {"0", "1", "9999", "10001", "99999999999999999999", "1300x", "-1300"}) {
    INFO(none);
    CHECK_FALSE(FindBuiltIn(none));
  }
}

TEST_CASE("built-in images: the names that Spawn's had, and no others") {
  for (const engines::Engine* engine : engines::AllEngines()) {
    const std::string name(engine->ShortName());
    for (const std::string& reference : {name, name + "-empty", name + ":empty", name + "-empty:latest"}) {
      INFO(reference);
      const auto found = FindBuiltIn(reference);
      REQUIRE(found);
      CHECK(found->engine == engine);
      CHECK(found->version.empty());
    }
    CHECK(FindBuiltIn(name + ":8.4")->version == "8.4");
    for (const std::string& other :
         {name + ":flyway-getting-started", name + ":", "x" + name, name + "-full"}) {
      INFO(other);
      CHECK_FALSE(FindBuiltIn(other));
    }
  }
}

TEST_CASE("built-in images: nobody may call an image so, nor as people call an engine") {
  for (const engines::Engine* engine : engines::AllEngines()) {
    std::vector<std::string_view> names = engine->Aliases();
    names.insert(names.end(), {engine->Name(), engine->ShortName()});
    for (const std::string_view name : names) {
      INFO(name);
      CHECK(IsBuiltInName(name));
      CHECK(IsBuiltInName(std::string(name) + "-empty"));
      CHECK_FALSE(IsBuiltInName(std::string(name) + "-full"));
      CHECK_FALSE(IsBuiltInName("my-" + std::string(name)));
    }
  }
  for (const char* name : {"", "-empty", "shop", "shop-empty"}) CHECK_FALSE(IsBuiltInName(name));
}

}  // namespace
}  // namespace spawnd::daemon
