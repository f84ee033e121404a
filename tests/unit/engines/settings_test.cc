#include "engines/settings.h"

#include "engines/registry.h"
#include "engines/restore_options.h"
#include "tests/support/catch.h"

namespace spawnd::engines {
namespace {

using Catch::Matchers::Contains;

const Engine& Named(std::string_view name) {
  const auto engine = FindEngine(name);
  REQUIRE(engine);
  return **engine;
}

Error Refused(const Settings& settings, std::string_view engine = "postgresql") {
  const auto checked = CheckSettings(Named(engine), settings);
  REQUIRE_FALSE(checked);
  CHECK(checked.error().code == ErrorCode::kInvalidArgument);
  return checked.error();
}

TEST_CASE("settings: names as products have them, values of one line") {
  CHECK(CheckSettings(Named("postgresql"), {}));
  CHECK(CheckSettings(Named("postgresql"),
                      {{"work_mem", "64MB"}, {"pg_stat_statements.max", "100"}, {"geqo", ""}}));
  CHECK(CheckSettings(Named("mariadb"), {{"lower-case-table-names", "1"}}));
  for (const char* name : {"", "1a", "_a", "a b", "a=b", "a\nb", "--port", "a;b", "a'b", "\xc3\xa4"}) {
    CHECK_THAT(Refused({{name, "1"}}).message, Contains("is no setting's name"));
  }
  CHECK(Refused({{std::string(129, 'a'), "1"}}).message.size() < 200);
  for (const std::string& value :
       {std::string("a\nport = 1"), std::string("a\0b", 3), std::string("\x1b[0m")}) {
    CHECK_THAT(Refused({{"work_mem", value}}).message, Contains("work_mem"));
  }
  CHECK(CheckSettings(Named("postgresql"), {{"work_mem", std::string(kMaxSettingBytes, 'x')}}));
  CHECK_THAT(Refused({{"work_mem", std::string(kMaxSettingBytes + 1, 'x')}}).hint, Contains("4096 bytes"));
}

TEST_CASE("settings: one name in two spellings is given twice") {
  CHECK_THAT(Refused({{"work_mem", "1"}, {"Work-Mem", "2"}}).message, Contains("'Work-Mem' is given twice"));
}

TEST_CASE("settings: so many and no more") {
  Settings many;
  for (size_t i = 0; i < kMaxSettings; ++i) many.emplace_back("a" + std::to_string(i), "1");
  CHECK(CheckSettings(Named("postgresql"), many));
  many.emplace_back("b", "1");
  CHECK_THAT(Refused(many).message, Contains("more than 100 settings"));
}

TEST_CASE(
    "settings: what spawnd decides is refused by name in any spelling, in every engine that takes any") {
  for (const Engine* engine : AllEngines()) {
    for (const std::string_view refused_name : engine->RefusedSettings()) {
      const std::string_view name = refused_name == kEverySetting ? "anything" : refused_name;
      // As RefusedSettings is compared.
      CHECK(SettingName(name) == name);
      const auto refused = CheckSettings(*engine, {{std::string(name), "1"}});
      REQUIRE_FALSE(refused);
      CHECK_THAT(refused.error().message, Contains("'" + std::string(name) + "' cannot be given"));
    }
  }
  CHECK_THAT(Refused({{"PORT", "1"}}).message, Contains("'PORT' cannot be given"));
  CHECK_THAT(Refused({{"Data-Directory", "/x"}}).message, Contains("cannot be given"));
  CHECK_THAT(Refused({{"datadir", "/x"}}, "mariadb").message, Contains("cannot be given"));
}

TEST_CASE("settings: the upper ones stand in the place of those that they speak of") {
  const Settings lower{{"work_mem", "1MB"}, {"max_connections", "50"}};
  CHECK(Overlay({}, lower) == lower);
  CHECK(Overlay(lower, {}) == lower);
  CHECK(Overlay({{"Max-Connections", "60"}}, lower) ==
        Settings{{"work_mem", "1MB"}, {"Max-Connections", "60"}});
}

TEST_CASE("onError: what is no error of a product, nor a statement, is refused by name") {
  const auto passes = [](std::string_view engine, const std::string& entry) {
    return CheckErrorEntries(Named(engine), {"CREATE VIEW", entry}).has_value();
  };
  for (const char* engine : {"postgresql", "mariadb", "mysql", "redis", "valkey", "mssql"}) {
    INFO(engine);
    CHECK(CheckErrorEntries(Named(engine), {}));
    for (const char* good : {"CREATE TABLE", "create event"}) CHECK(passes(engine, good));
    for (const char* bad : {"-", "42 is", "1e400000000", "99999999999999999999"})
      CHECK_FALSE(passes(engine, bad));
  }
  for (const char* state : {"42P01", "42p01", "0A000"}) {
    CHECK(passes("postgresql", state));
    CHECK(passes("mysql", state));
    CHECK_FALSE(passes("redis", state));
  }
  CHECK_FALSE(passes("postgresql", "4271"));
  CHECK(passes("mariadb", "4271"));
  CHECK(passes("mssql", "208"));
  for (const char* bad : {"0", "42", "2013", "0999"}) CHECK_FALSE(passes("mysql", bad));
  CHECK(passes("redis", "WRONGTYPE"));
  CHECK_FALSE(passes("redis", "-WRONGTYPE"));
  const auto refused = CheckErrorEntries(Named("postgresql"), {"4271"});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kInvalidArgument);
  CHECK_THAT(refused.error().message, Contains("'4271'") && Contains("PostgreSQL"));
  CHECK_THAT(refused.error().hint, Contains("42P01"));
}

}  // namespace
}  // namespace spawnd::engines
