/// What the tools print, line by line, against what becomes of it.
#include "engines/postgresql/restore/pg_restore_session.h"
#include "engines/postgresql/restore/psql_session.h"
#include "tests/support/catch.h"

namespace spawnd::engines::postgresql {
namespace {

/// The error that comes of these lines, or of the exit after them; empty when there is none. `at`: the line
/// it came at.
std::string ErrorOf(RestoreSession& session, const std::vector<std::string>& lines, int exit_code,
                    size_t* at = nullptr) {
  for (size_t i = 0; i < lines.size(); ++i) {
    const auto seen = session.OnToolMessage(lines[i]);
    if (at != nullptr) *at = i;
    if (!seen) return seen.error().message;
  }
  const auto ended = session.OnToolExit(exit_code);
  return ended ? "" : ended.error().message;
}

TEST_CASE("psql: an error ends the restore with its last line, not with the next message") {
  PsqlSession session("x.sql", "shop", "spawn_admin_abcd");
  size_t at = 0;
  CHECK(ErrorOf(session,
                {"psql:<stdin>:5: ERROR:  42P01: relation \"nowhere\" does not exist",
                 "LINE 1: insert into nowhere values (1);", "                    ^",
                 "LOCATION:  parserOpenTable, parse_relation.c:1392",
                 "psql:<stdin>:5: STATEMENT:  insert into nowhere", "values (1)",
                 "psql:<stdin>:6: ERROR:  42601: other"},
                0, &at) ==
        "line 4 of 'x.sql': ERROR: relation \"nowhere\" does not exist (in: insert into nowhere)");
  CHECK(at == 4);
}

TEST_CASE("psql: detail, hint and the place in data belong to the message") {
  PsqlSession session("x.sql", "shop", "spawn_admin_abcd");
  CHECK(session.OnToolMessage("psql:<stdin>:10: ERROR:  22P02: invalid input syntax for type integer: \"x\"")
            .has_value());
  CHECK(session.OnToolMessage("DETAIL:  some detail").has_value());
  CHECK(session.OnToolMessage("HINT:  Some hint.").has_value());
  CHECK(session.OnToolMessage("CONTEXT:  COPY a, line 2, column id: \"x\"").has_value());
  CHECK(session.OnToolMessage("LOCATION:  pg_strtoint32, numutils.c:232").has_value());
  const auto end = session.OnToolMessage("psql:<stdin>:10: STATEMENT:  COPY a FROM stdin;");
  REQUIRE_FALSE(end.has_value());
  CHECK(end.error().message ==
        "line 9 of 'x.sql': ERROR: invalid input syntax for type integer: \"x\"; some detail (COPY a, line "
        "2, column id: \"x\")");
  CHECK(end.error().hint == "Some hint.");
}

TEST_CASE("psql: what is passed over is counted, not repeated") {
  PsqlSession session("x.sql", "shop", "spawn_admin_abcd");
  std::vector<std::string> lines;
  for (int i = 0; i < 1000; ++i) {
    lines.push_back("psql:<stdin>:" + std::to_string(i + 8) +
                    ": ERROR:  42704: role \"ghost\" does not exist");
    lines.emplace_back("LOCATION:  get_role_oid, acl.c:5209");
    lines.push_back("psql:<stdin>:" + std::to_string(i + 8) + ": STATEMENT:  ALTER TABLE public.t");
    lines.emplace_back("  OWNER TO ghost;");
  }
  lines.emplace_back("psql:<stdin>:2001: ERROR:  42P04: database \"shop\" already exists");
  lines.emplace_back("psql:<stdin>:2002: WARNING:  01000: beware");
  lines.emplace_back("psql:<stdin>:2003: WARNING:  01000: beware");
  CHECK(ErrorOf(session, lines, 0).empty());
  CHECK(session.Warnings() ==
        std::vector<std::string>{
            "line 7 of 'x.sql': role \"ghost\" does not exist; passed over (1000 times, this is the first)",
            "line 2000 of 'x.sql': database \"shop\" already exists; passed over",
            "line 2001 of 'x.sql': beware (2 times, this is the first)"});
}

TEST_CASE("psql: a locale that was replaced stands among the other warnings, by its line") {
  PsqlSession session("x.sql", "", "me");
  REQUIRE(session.FilterInput("select 1;\n\ncreate database d lc_collate 'xx_YY';\n", true).has_value());
  CHECK(ErrorOf(session,
                {"psql:<stdin>:3: WARNING:  01000: before", "psql:<stdin>:4: WARNING:  01000: after"}, 0)
            .empty());
  CHECK(session.Warnings() ==
        std::vector<std::string>{"line 2 of 'x.sql': before",
                                 "line 3 of 'x.sql': this host has no locale 'xx_YY'; database 'd' gets "
                                 "C.UTF-8 instead",
                                 "line 3 of 'x.sql': after"});
}

TEST_CASE("psql: what looks alike is an error all the same") {
  for (const char* text :
       {"42P06: schema \"shop\" already exists", "42P04: database \"other\" already exists",
        "42704: type \"role\" does not exist", "42704: unrecognized configuration parameter \"work_men\"",
        "42P01: table \"t\" does not exist", "42710: extension \"citext\" already exists"}) {
    PsqlSession session("x.sql", "shop", "spawn_admin_abcd");
    INFO(text);
    CHECK_FALSE(ErrorOf(session, {std::string("psql:<stdin>:2: ERROR:  ") + text}, 0).empty());
  }
  PsqlSession session("x.sql", "shop", "spawn_admin_abcd");
  CHECK_FALSE(ErrorOf(session, {"psql:<stdin>:2: FATAL:  28000: role \"ghost\" does not exist"}, 2).empty());
}

TEST_CASE("psql, pg_restore: a missing role is passed over where a statement is about roles alone") {
  const auto passed = [](const std::vector<std::string>& statement) {
    const std::string words = "ERROR:  42704: role \"joe\" does not exist";
    std::vector<std::string> lines{"psql:<stdin>:2: " + words, "LOCATION:  get_role_oid, acl.c:5209"};
    lines.push_back("psql:<stdin>:2: STATEMENT:  " + statement[0]);
    lines.insert(lines.end(), statement.begin() + 1, statement.end());
    PsqlSession psql("x.sql", "shop", "spawn_admin_abcd");
    const bool by_psql = ErrorOf(psql, lines, 0).empty();
    lines = {"pg_restore: error: could not execute query: ERROR:  role \"joe\" does not exist",
             "Command was: " + statement[0]};
    lines.insert(lines.end(), statement.begin() + 1, statement.end());
    PgRestoreSession archive("x.dump", false, "", "me");
    CHECK(by_psql == ErrorOf(archive, lines, 1).empty());
    return by_psql;
  };
  for (const char* about : {"GRANT SELECT ON t TO joe;", "ALTER FUNCTION f(a int, b text) OWNER TO joe;",
                            "alter table t owner to joe", "SET SESSION AUTHORIZATION joe;", "SET ROLE joe;",
                            "ALTER DEFAULT PRIVILEGES FOR ROLE joe GRANT ALL ON TABLES TO x;",
                            "CREATE POLICY p ON t TO joe USING (true);", "COMMENT ON ROLE joe IS 'x';",
                            "CREATE USER MAPPING FOR joe SERVER s;", "DROP ROLE joe;",
                            "REVOKE ALL ON t FROM joe;\nGRANT ALL ON t TO joe;"}) {
    INFO(about);
    CHECK(passed({about}));
  }
  CHECK(passed({"-- its owner", "ALTER TABLE IF EXISTS t", "  OWNER to joe;"}));
  CHECK(passed({"CREATE", "POLICY p ON t", "USING (a = (SELECT 1", "));"}));
  for (const char* more :
       {"COPY acl (id, who) FROM stdin;", "INSERT INTO acl VALUES (1, 'joe');", "SELECT 'joe'::regrole;",
        "DO $$ BEGIN CREATE TABLE v (i int); GRANT SELECT ON v TO joe; END $$;", "CREATE ROLE x IN ROLE joe;",
        "CREATE SCHEMA audit AUTHORIZATION joe CREATE TABLE log (i int);",
        "ALTER TABLE t ADD COLUMN b int, OWNER TO joe;", "ALTER TABLE t ALTER a SET DEFAULT 'joe'::regrole;",
        "GRANT SELECT ON t TO joe; CREATE TABLE b (i int);"}) {
    INFO(more);
    CHECK_FALSE(passed({more}));
  }
  PgRestoreSession rows("x.dump", false, "", "me");
  CHECK_FALSE(
      ErrorOf(rows,
              {"pg_restore: error: COPY failed for table \"acl\": ERROR:  role \"joe\" does not exist",
               "CONTEXT:  COPY acl, line 1, column who: \"joe\""},
              1)
          .empty());
}

TEST_CASE("psql: what is there already is passed over where nothing else is lost with it") {
  const auto passed = [](const std::string& statement) {
    PsqlSession session("x.sql", "shop", "spawn_admin_abcd");
    return ErrorOf(session,
                   {"psql:<stdin>:2: ERROR:  42P06: schema \"public\" already exists",
                    "psql:<stdin>:2: STATEMENT:  " + statement},
                   0)
        .empty();
  };
  CHECK(passed("CREATE SCHEMA public;"));
  CHECK_FALSE(passed("CREATE SCHEMA public CREATE TABLE t (i int);"));
  CHECK_FALSE(passed("DO $$ BEGIN CREATE SCHEMA public; CREATE TABLE t (i int); END $$;"));
}

TEST_CASE("psql: errors are passed over by code, by statement, or all of them") {
  const auto outcome = [](ErrorManners manners, const std::string& state) {
    PsqlSession session("x.sql", "shop", "me", false, {}, std::move(manners));
    const std::string error =
        ErrorOf(session,
                {"psql:<stdin>:5: ERROR:  " + state + ": no", "LOCATION:  f, f.c:1",
                 "psql:<stdin>:5: STATEMENT:  -- why", "  create   index i on t (f(x));"},
                0);
    return error.empty() ? "passed over " + std::to_string(session.PassedOver()) : error;
  };
  ErrorManners all;
  all.continue_on_error = true;
  CHECK(outcome(all, "42P01") == "passed over 1");
  CHECK(outcome(all, "53100").find("ERROR: no") != std::string::npos);
  ErrorManners some;
  some.ignored_errors = {"42883", "CREATE INDEX"};
  CHECK(outcome(some, "42P01") == "passed over 1");
  some.ignored_errors = {"42883", "CREATE TABLE"};
  CHECK(outcome(some, "42883") == "passed over 1");
  CHECK(outcome(some, "42P01").find("ERROR: no") != std::string::npos);
}

TEST_CASE("psql: a dump of a newer server says so in its errors") {
  ErrorManners manners;
  manners.server_version = "15.18";
  manners.installed = {"17.9", "15.18"};
  PsqlSession session("x.sql", "", "me", false, {}, manners);
  REQUIRE(session.FilterInput("-- Dumped from database version 17.6 (Debian 1)\nx;\n", true).has_value());
  REQUIRE(session.OnToolMessage("psql:<stdin>:3: ERROR:  42601: syntax error at or near \"x\"").has_value());
  const auto end = session.OnToolExit(0);
  REQUIRE_FALSE(end.has_value());
  CHECK(end.error().message.ends_with("; the backup is of version 17.6, this server is 15.18"));
  CHECK(end.error().hint == "Say `version: 17`; installed: 17.9, 15.18.");
}

TEST_CASE("psql: a transaction that is not closed is an error, with its line") {
  for (const bool strict : {false, true}) {
    PsqlSession session("x.sql", "", "me", strict);
    const auto text = session.FilterInput("select 1;\nbegin\n;insert into t values (1);", true);
    REQUIRE(text.has_value());
    CHECK(text->ends_with("\n;\nDISCARD ALL;\n"));
    REQUIRE(session
                .OnToolMessage(std::string("psql:<stdin>:") + (strict ? "5" : "6") +
                               ": ERROR:  25001: DISCARD ALL cannot run inside a transaction block")
                .has_value());
    const auto end = session.OnToolExit(0);
    REQUIRE_FALSE(end.has_value());
    CHECK(end.error().message == "'x.sql' ends within a transaction that is not closed; it begins on line 2");
  }
}

TEST_CASE("psql: codes by what happened") {
  const auto code = [](const std::string& line, int exit_code) {
    PsqlSession session("x.sql", "shop", "spawn_admin_abcd");
    const auto seen = session.OnToolMessage(line);
    return (seen ? session.OnToolExit(exit_code) : seen).error().code;
  };
  CHECK(code("psql:<stdin>:2: ERROR:  53100: could not extend file \"base/1/2\": No space left on device",
             0) == ErrorCode::kNoSpace);
  CHECK(code("psql:<stdin>:2: FATAL:  57P01: terminating connection due to administrator command", 2) ==
        ErrorCode::kUnavailable);
  CHECK(code("psql: error: connection to server at \"127.0.0.1\", port 1 failed: Connection refused", 2) ==
        ErrorCode::kUnavailable);
  CHECK(code("psql:<stdin>:9: error: invalid command \\restrict", 0) == ErrorCode::kInvalidArgument);
  CHECK(code("something", 137) == ErrorCode::kUnavailable);
}

TEST_CASE("pg_restore: an error with its statement, as soon as that is known") {
  PgRestoreSession session("x.dump", false, "", "me");
  size_t at = 0;
  CHECK(ErrorOf(session,
                {"pg_restore: error: could not execute query: ERROR:  relation \"item\" already exists",
                 "Command was: CREATE TABLE public.item (", "    id integer", ");"},
                1,
                &at) == "'x.dump': ERROR: relation \"item\" already exists (in: CREATE TABLE public.item ()");
  CHECK(at == 1);
}

TEST_CASE("pg_restore: errors that are passed over make its exit code 1 no error") {
  const std::vector<std::string> role{
      "pg_restore: error: could not execute query: ERROR:  role \"ghost\" does not exist",
      "Command was: ALTER TABLE public.t OWNER TO ghost;", "", "",
      "pg_restore: warning: errors ignored on restore: 1"};
  PgRestoreSession session("x.dump", false, "", "me");
  CHECK(ErrorOf(session, role, 1).empty());
  CHECK(session.Warnings().size() == 1);
  PgRestoreSession silent("x.dump", false, "", "me");
  CHECK(ErrorOf(silent, {}, 1) == "'x.dump': pg_restore ended with exit code 1 and did not say why");
  PgRestoreSession killed("x.dump", false, "", "me");
  CHECK(ErrorOf(killed, role, 137).find("exit code 137") != std::string::npos);
}

TEST_CASE("pg_restore: its own words, and data that does not fit") {
  PgRestoreSession own("x.dump", false, "", "me");
  CHECK(ErrorOf(own, {"pg_restore: error: could not read from input file: end of file"}, 1) ==
        "'x.dump' is truncated or damaged: pg_restore says: could not read from input file: end of file");
  PgRestoreSession member("x.d", false, "", "me");
  CHECK(ErrorOf(
            member,
            {"pg_restore: error: could not open input file \"/run/spawnd/backup/3012.dat.gz\": No such file "
             "or directory"},
            1) ==
        "'x.d' is truncated or damaged: could not open input file \"x.d/3012.dat.gz\": No such file "
        "or directory");
  PgRestoreSession data("x.dump", false, "", "me");
  CHECK(ErrorOf(data,
                {"pg_restore: error: COPY failed for table \"t\": ERROR:  invalid input syntax for type "
                 "integer: \"x\"",
                 "CONTEXT:  COPY t, line 1, column a: \"x\"",
                 "pg_restore: warning: errors ignored on restore: 1"},
                1) ==
        "'x.dump': ERROR: invalid input syntax for type integer: \"x\" (COPY t, line 1, column a: \"x\")");
}

}  // namespace
}  // namespace spawnd::engines::postgresql
