#include "engines/postgresql/create_database.h"

#include "tests/support/catch.h"

namespace spawnd::engines::postgresql {
namespace {

bool OnlyC(const std::string& name) {
  return name == "C" || name == "C.UTF-8" || name == "POSIX";
}

TEST_CASE("A missing locale is replaced wherever it stands, and nothing else changes") {
  const auto rewritten = ReplaceMissingLocales(
      "CREATE DATABASE pagila WITH TEMPLATE = template0 ENCODING = 'UTF8'\n LC_COLLATE = 'en_US.UTF-8' "
      "LC_CTYPE='de_DE.UTF-8';",
      OnlyC);
  CHECK(rewritten.sql ==
        "CREATE DATABASE pagila WITH TEMPLATE = template0 ENCODING = 'UTF8'\n LC_COLLATE = 'C.UTF-8' "
        "LC_CTYPE='C.UTF-8';");
  CHECK(rewritten.database == "pagila");
  CHECK(rewritten.replaced == std::vector<std::string>{"en_US.UTF-8", "de_DE.UTF-8"});
}

TEST_CASE("Newer spellings: LOCALE, with a provider beside it") {
  const auto rewritten = ReplaceMissingLocales(
      "CREATE DATABASE \"Odd \"\"x\" LOCALE_PROVIDER = icu LOCALE = 'en_US.UTF-8' ICU_LOCALE = 'en-US';",
      OnlyC);
  CHECK(rewritten.sql ==
        "CREATE DATABASE \"Odd \"\"x\" LOCALE_PROVIDER = icu LOCALE = 'C.UTF-8' ICU_LOCALE = 'en-US';");
  CHECK(rewritten.database == "Odd \"x");
}

TEST_CASE("A locale that is here stays, and so does one that only looks like one") {
  for (const char* sql : {"CREATE DATABASE x LC_COLLATE 'C' LC_CTYPE = 'POSIX';",
                          "CREATE DATABASE x OWNER \"LC_COLLATE 'xx'\" /* LOCALE 'xx' */ -- LOCALE 'yy'\n;",
                          "CREATE DATABASE x LOCALE = DEFAULT;"}) {
    const auto rewritten = ReplaceMissingLocales(sql, OnlyC);
    CHECK(rewritten.sql == sql);
    CHECK(rewritten.replaced.empty());
  }
}

TEST_CASE("C.UTF-8 only goes with UTF8") {
  CHECK(ReplaceMissingLocales("CREATE DATABASE x ENCODING 'LATIN1' LC_COLLATE 'de_DE';", OnlyC).replacement ==
        "C");
  CHECK(
      ReplaceMissingLocales("CREATE DATABASE x ENCODING = 'utf-8' LC_COLLATE 'de_DE';", OnlyC).replacement ==
      "C.UTF-8");
  const auto bare = [](const std::string& name) { return name == "C"; };
  CHECK(ReplaceMissingLocales("CREATE DATABASE x LC_COLLATE 'de_DE';", bare).replacement == "C");
}

TEST_CASE("The host knows its own locales") {
  CHECK(LocaleExists("C"));
  CHECK_FALSE(LocaleExists("xx_XX.UTF-8"));
  CHECK_FALSE(LocaleExists("English_United States.1252"));
}

}  // namespace
}  // namespace spawnd::engines::postgresql
