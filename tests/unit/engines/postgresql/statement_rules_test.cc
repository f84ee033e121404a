#include "engines/postgresql/dump/statement_rules.h"

#include "engines/postgresql/dump/copy_guard.h"
#include "engines/postgresql/dump/plain_text.h"
#include "engines/postgresql/dump/transaction_watch.h"
#include "tests/support/catch.h"

namespace spawnd::engines::postgresql {
namespace {

StatementRules RulesFor(int major) {
  StatementRules rules;
  rules.wishes.server_major = major;
  rules.own_roles = {"postgres", "spawn_admin_abcd"};
  return rules;
}

std::string Ruled(std::string_view sql, int major = 15) {
  return ApplyRules(sql, RulesFor(major)).sql;
}

TEST_CASE("What is said of the superuser here is left out, of others kept") {
  for (const char* sql : {"ALTER ROLE postgres WITH NOSUPERUSER;", "alter user \"postgres\" nologin;",
                          "ALTER ROLE CURRENT_USER NOLOGIN;", "ALTER ROLE Postgres SET role = x;",
                          "ALTER ROLE spawn_admin_abcd RENAME TO x;", "DROP ROLE IF EXISTS postgres;",
                          "ALTER ROLE postgres IN DATABASE d SET role TO x;"}) {
    INFO(sql);
    CHECK(Ruled(sql).empty());
  }
  CHECK(Ruled("DROP ROLE IF EXISTS a,\n postgres;") == "DROP ROLE IF EXISTS \"a\";\n");
  for (const char* sql : {"ALTER ROLE app NOLOGIN;", "ALTER ROLE \"Postgres\" NOLOGIN;",
                          "GRANT a TO postgres;", "ALTER USER MAPPING FOR postgres SERVER s OPTIONS (x 'y');",
                          "DROP USER MAPPING FOR postgres SERVER s;", "ALTER GROUP g ADD USER postgres;"}) {
    CHECK(Ruled(sql) == sql);
  }
}

TEST_CASE("A schema is made whether or not its role is there") {
  CHECK(Ruled("CREATE SCHEMA s\nAUTHORIZATION r;") == "CREATE SCHEMA s; ALTER SCHEMA s OWNER TO r;\n");
  // One that is there keeps its owner.
  CHECK(
      Ruled("create schema if not exists \"S s\"\nauthorization \"R r\";") ==
      "DO $spawnd$ BEGIN IF pg_catalog.to_regnamespace('\"S s\"') IS NULL THEN CREATE SCHEMA \"S s\"; BEGIN "
      "ALTER SCHEMA \"S s\" OWNER TO \"R r\"; EXCEPTION WHEN undefined_object THEN RAISE WARNING "
      "'%; passed over', SQLERRM; END; END IF; END $spawnd$;\n");
  CHECK(Ruled("CREATE SCHEMA public AUTHORIZATION r;") == "CREATE SCHEMA public;");
  CHECK(Ruled("CREATE SCHEMA AUTHORIZATION r;") == "CREATE SCHEMA r; ALTER SCHEMA r OWNER TO r;");
  for (const char* sql :
       {"CREATE SCHEMA s;", "CREATE SCHEMA AUTHORIZATION CURRENT_USER;",
        "CREATE SCHEMA s AUTHORIZATION r CREATE TABLE t (a int);", "CREATE SCHEMA AUTHORIZATION;"}) {
    CHECK(Ruled(sql) == sql);
  }
}

TEST_CASE("Tablespaces are left out wherever they are named") {
  for (const char* sql :
       {"CREATE TABLESPACE fast OWNER x LOCATION '/mnt';", "GRANT CREATE ON TABLESPACE fast TO x;",
        "COMMENT ON TABLESPACE fast IS 'x';", "ALTER TABLESPACE fast OWNER TO x;", "DROP TABLESPACE fast;",
        "ALTER DATABASE d SET TABLESPACE fast;", "ALTER DATABASE d SET default_tablespace TO 'fast';",
        "ALTER ROLE r SET default_tablespace = fast;", "SET default_tablespace = fast;",
        "ALTER TABLE t SET TABLESPACE fast;", "ALTER TABLE ALL IN TABLESPACE a SET TABLESPACE b;",
        "ALTER INDEX i SET TABLESPACE fast;"}) {
    INFO(sql);
    CHECK(Ruled(sql).empty());
    CHECK(ApplyRules(sql, RulesFor(15)).warnings == std::vector<std::string>{kTablespaceWarning});
  }
  CHECK(Ruled("CREATE TABLE t (a int UNIQUE USING INDEX TABLESPACE x) TABLESPACE \"y\";") ==
        "CREATE TABLE t (a int UNIQUE ) ;");
  CHECK(Ruled("CREATE INDEX i ON t (a)\nTABLESPACE x WHERE a > 1;") ==
        "CREATE INDEX i ON t (a)\n WHERE a > 1;");
  CHECK(Ruled("ALTER TABLE t ADD PRIMARY KEY (a) USING INDEX TABLESPACE x;") ==
        "ALTER TABLE t ADD PRIMARY KEY (a) ;");
  for (const char* sql :
       {"CREATE TABLE t (tablespace text);", "SET default_tablespace = '';",
        "CREATE INDEX i ON t (a) WHERE tablespace = 'x';", "COMMENT ON TABLE tablespace IS 'x';"}) {
    CHECK(Ruled(sql) == sql);
  }
}

TEST_CASE("Grants in the words of newer servers, and by roles that are not here") {
  CHECK(Ruled("GRANT a TO b WITH INHERIT TRUE GRANTED BY rdsadmin;") == "GRANT a TO b  ;");
  CHECK(Ruled("GRANT a TO b WITH ADMIN OPTION, INHERIT FALSE, SET TRUE GRANTED BY postgres;") ==
        "GRANT a TO b WITH ADMIN OPTION GRANTED BY postgres;");
  CHECK(Ruled("GRANT a TO b WITH ADMIN OPTION;") == "GRANT a TO b WITH ADMIN OPTION;");
  CHECK(Ruled("GRANT a TO b WITH INHERIT TRUE GRANTED BY postgres;", 17) ==
        "GRANT a TO b WITH INHERIT TRUE GRANTED BY postgres;");
  CHECK(Ruled("GRANT SELECT,MAINTAIN,INSERT ON TABLE t TO x;") == "GRANT SELECT,INSERT ON TABLE t TO x;");
  CHECK(Ruled("GRANT MAINTAIN,SELECT ON TABLE t TO x;") == "GRANT SELECT ON TABLE t TO x;");
  CHECK(Ruled("GRANT MAINTAIN ON TABLE t TO x;").empty());
  CHECK(Ruled("GRANT SET ON PARAMETER p TO x;", 14).empty());
}

TEST_CASE("Subscriptions stay only as pg_dump writes them, and databases let somebody in") {
  const char* written =
      "CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p WITH (connect = false, slot_name = 's');";
  CHECK(Ruled(written) == written);
  for (const char* sql :
       {"CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p;", "ALTER SUBSCRIPTION s ENABLE;",
        "ALTER SUBSCRIPTION s REFRESH PUBLICATION;", "DROP SUBSCRIPTION s;",
        "ALTER DATABASE d CONNECTION LIMIT 0;", "ALTER DATABASE d WITH ALLOW_CONNECTIONS = false;"}) {
    CHECK(Ruled(sql).empty());
  }
  for (const char* sql : {"ALTER DATABASE d CONNECTION LIMIT -1;", "ALTER DATABASE d CONNECTION LIMIT 5;"}) {
    CHECK(Ruled(sql) == sql);
  }
}

uint64_t OpenSince(const std::vector<std::vector<std::string>>& statements) {
  TransactionWatch watch;
  uint64_t line = 0;
  for (const auto& words : statements) {
    for (size_t i = 0; i < words.size(); ++i) watch.OnWord(words[i], i + 1);
    watch.OnStatementEnds(++line);
  }
  return watch.OpenSince();
}

TEST_CASE("Transactions, by their words") {
  CHECK(OpenSince({{"SELECT"}, {"BEGIN"}, {"INSERT"}}) == 2);
  CHECK(OpenSince({{"BEGIN"}, {"COMMIT"}}) == 0);
  CHECK(OpenSince({{"START", "TRANSACTION"}, {"ROLLBACK", "TO", "X"}}) == 1);
  CHECK(OpenSince({{"BEGIN"}, {"COMMIT", "AND", "CHAIN"}}) == 2);
  CHECK(OpenSince({{"BEGIN"}, {"END", "AND", "NO", "CHAIN"}}) == 0);
  CHECK(OpenSince({{"BEGIN"}, {"COMMIT", "PREPARED"}}) == 1);
  CHECK(OpenSince({{"BEGIN"}, {"PREPARE", "TRANSACTION"}}) == 0);
}

TEST_CASE("Rows of a table that is not there go nowhere") {
  const std::string guard = CopyGuard("COPY public.t (a, \"B\") FROM stdin;");
  CHECK(guard.find("to_regclass('\"public\".\"t\"')") != std::string::npos);
  CHECK(guard.find("attname IN ('a', 'B')") != std::string::npos);
  CHECK(guard.find("THEN 'COPY public.t (a, \"B\") FROM stdin' ELSE") != std::string::npos);
  CHECK(CopyGuard("COPY t TO stdout;").empty());
  CHECK(CopyGuard("COPY (SELECT 1) TO stdout;").empty());
}

std::string Plain(std::string_view bytes, RestoreWarnings& warnings) {
  std::string first;
  for (const size_t size : {bytes.size() + 1, size_t{1}, size_t{3}}) {
    PlainText text("x.sql", warnings);
    std::string out;
    for (size_t at = 0; at <= bytes.size(); at += size) {
      const auto part = text.Take(bytes.substr(at, size), at + size > bytes.size());
      if (!part) return part.error().message;
      out += *part;
    }
    if (size > bytes.size()) first = out;
    CHECK(out == first);
  }
  return first;
}

TEST_CASE("Text in UTF-16 is read as what it says") {
  using namespace std::string_literals;
  RestoreWarnings warnings("x.sql");
  CHECK(Plain("\xff\xfes\0\xe9\0\x3d\xd8\x00\xde;\0"s, warnings) == "s\xc3\xa9\xf0\x9f\x98\x80;");
  CHECK(Plain("\xfe\xff\0s\x20\xac"s, warnings) == "s\xe2\x82\xac");
  CHECK(Plain("\xff\xfes\0;"s, warnings).find("ends within a character") != std::string::npos);
  CHECK(Plain("\xff\xfe\x00\xdes\0"s, warnings).find("half a character") != std::string::npos);
  // Without a mark, as iconv and .NET write it.
  CHECK(Plain("-\0-\0\xe9\0;\0"s, warnings) == "--\xc3\xa9;");
  CHECK(Plain("\0-\0-\0\xe9\0;"s, warnings) == "--\xc3\xa9;");
  CHECK(Plain("\xef\xbb\xbfselect 1;", warnings) == "\xef\xbb\xbfselect 1;");
  CHECK(Plain("", warnings).empty());
}

TEST_CASE("A tool's own words at the head of a dump are left out, and an error of its is one") {
  RestoreWarnings warnings("x.sql");
  CHECK(
      Plain("Defaulted container \"pg\" out of: pg, init\r\n\nPassword: \nselect 'Password:';\npg_dump: x\n",
            warnings) == "\n\n\nselect 'Password:';\npg_dump: x\n");
  CHECK(Plain("pg_dump: warning: circular\npg_dump: detail: t\n--\n", warnings) == "\n\n--\n");
  CHECK(Plain("pg_dump: error: no\n", warnings).find("line 1 of 'x.sql': the dump failed") == 0);
  CHECK(warnings.InOrder().size() == 4);
}

}  // namespace
}  // namespace spawnd::engines::postgresql
