#include "engines/postgresql/create_database.h"

#include "tests/support/catch.h"

namespace spawnd::engines::postgresql {
namespace {

bool OnlyC(const std::string& name) {
  return name == "C" || name == "C.UTF-8" || name == "POSIX";
}

RewrittenStatement Rewritten(std::string_view sql,
                             const std::function<bool(const std::string&)>& exists = OnlyC) {
  return RewriteCreateDatabase(sql, {}, exists);
}

TEST_CASE("A missing locale is replaced wherever it stands, and nothing else changes") {
  const auto rewritten = Rewritten(
      "CREATE DATABASE pagila WITH TEMPLATE = template0 ENCODING = 'UTF8'\n LC_COLLATE = 'en_US.UTF-8' "
      "LC_CTYPE='de_DE.UTF-8';");
  CHECK(rewritten.sql ==
        "CREATE DATABASE pagila WITH TEMPLATE = template0 ENCODING = 'UTF8'\n LC_COLLATE = 'C.UTF-8' "
        "LC_CTYPE='C.UTF-8';");
  CHECK(rewritten.database == "pagila");
  CHECK(rewritten.replaced == std::vector<std::string>{"en_US.UTF-8", "de_DE.UTF-8"});
}

TEST_CASE("Newer spellings: LOCALE, with a provider beside it") {
  const auto rewritten = Rewritten(
      "CREATE DATABASE \"Odd \"\"x\" LOCALE_PROVIDER = icu LOCALE = 'en_US.UTF-8' ICU_LOCALE = 'en-US';");
  CHECK(rewritten.sql ==
        "CREATE DATABASE \"Odd \"\"x\" LOCALE_PROVIDER = icu LOCALE = 'C.UTF-8' ICU_LOCALE = 'en-US' "
        "TEMPLATE = template0;");
  CHECK(rewritten.database == "Odd \"x");
}

TEST_CASE("A locale that is here stays, and so does one that only looks like one") {
  for (const char* sql :
       {"CREATE DATABASE x TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE = 'POSIX';",
        "CREATE DATABASE x STRATEGY \"LC_COLLATE 'xx'\" /* LOCALE 'xx' */ -- LOCALE 'yy'\n;",
        "CREATE DATABASE x TEMPLATE = t LOCALE = DEFAULT;"}) {
    const auto rewritten = Rewritten(sql);
    CHECK(rewritten.sql == sql);
    CHECK(rewritten.replaced.empty());
  }
}

TEST_CASE("C.UTF-8 only goes with UTF8") {
  CHECK(Rewritten("CREATE DATABASE x ENCODING 'LATIN1' LC_COLLATE 'de_DE';").replacement == "C");
  CHECK(Rewritten("CREATE DATABASE x ENCODING = 'utf-8' LC_COLLATE 'de_DE';").replacement == "C.UTF-8");
  const auto bare = [](const std::string& name) { return name == "C"; };
  CHECK(Rewritten("CREATE DATABASE x LC_COLLATE 'de_DE';", bare).replacement == "C");
}

TEST_CASE("What would keep a database from being made here is taken out") {
  const auto rewritten = Rewritten(
      "CREATE DATABASE shop WITH TEMPLATE = template0\n OWNER = ghost ENCODING = 'UTF8' TABLESPACE = fast "
      "CONNECTION LIMIT = 0 ALLOW_CONNECTIONS = false;");
  CHECK(rewritten.sql == "CREATE DATABASE shop WITH TEMPLATE = template0\n  ENCODING = 'UTF8'   ;");
  CHECK(rewritten.afterwards == " ALTER DATABASE shop OWNER TO GHOST;");
  CHECK(
      rewritten.warnings ==
      std::vector<std::string>{kTablespaceWarning, "database 'shop' would let nobody in; that is left out"});
  CHECK(Rewritten("CREATE DATABASE x CONNECTION LIMIT = -1;").warnings.empty());
}

TEST_CASE("An older server gets what it knows of a newer one's statement") {
  const auto made = [](std::string_view sql, int major) {
    return RewriteCreateDatabase(sql, {"", "", major}, OnlyC);
  };
  const char* builtin =
      "CREATE DATABASE x TEMPLATE = template0 LOCALE_PROVIDER = builtin LOCALE = 'en_US' BUILTIN_LOCALE = "
      "'C.UTF-8';";
  CHECK(made(builtin, 15).sql == "CREATE DATABASE x TEMPLATE = template0  LOCALE = 'C.UTF-8' ;");
  CHECK(made(builtin, 15).warnings ==
        std::vector<std::string>{"database 'x' sorts by the C library's locale: this server is too old for "
                                 "LOCALE_PROVIDER = builtin"});
  CHECK(made("CREATE DATABASE x TEMPLATE = template0 LOCALE_PROVIDER = libc LOCALE = 'C';", 12).sql ==
        "CREATE DATABASE x TEMPLATE = template0  LC_COLLATE = 'C' LC_CTYPE = 'C';");
}

TEST_CASE("A database is made like another one, or as the keys say") {
  const char* sql =
      "CREATE DATABASE \"S h\" WITH TEMPLATE = template0 OWNER = x ENCODING = 'LATIN1' LC_COLLATE = 'de' "
      "LC_CTYPE = 'C';";
  const auto like = CreateDatabaseLike(sql, "a\"b", {}, OnlyC);
  CHECK(
      like.sql ==
      "CREATE DATABASE \"a\"\"b\" TEMPLATE = template0 ENCODING = 'LATIN1' LC_COLLATE = 'C' LC_CTYPE = 'C';");
  CHECK(like.warnings ==
        std::vector<std::string>{"this host has no locale 'de'; database 'a\"b' gets C instead"});
  CHECK(CreateDatabaseLike("", "x", {}, OnlyC).sql.empty());
  CHECK(CreateDatabaseLike("", "x", {"C", "SQL_ASCII", 15}, OnlyC).sql ==
        "CREATE DATABASE \"x\" TEMPLATE = template0 ENCODING = 'SQL_ASCII' LC_COLLATE = 'C' LC_CTYPE = 'C';");
  CHECK(FindStatementFor("-- x\nCREATE DATABASE a;\ncreate database \"Shop\" x;\n", "Shop") ==
        "create database \"Shop\" x;");
}

TEST_CASE("The host knows its own locales") {
  CHECK(LocaleExists("C"));
  CHECK_FALSE(LocaleExists("xx_XX.UTF-8"));
  CHECK_FALSE(LocaleExists("English_United States.1252"));
}

}  // namespace
}  // namespace spawnd::engines::postgresql
