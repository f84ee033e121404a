/// Every installed version without a superuser for its clients: what a superuser filled becomes a user's who
/// can do everything with it, and nothing with the server. Each way out that somebody thought of is one line.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engines/postgresql/connection.h"
#include "tests/support/catch.h"
#include "tests/unit/engines/test_server.h"

namespace spawnd::engines::testing {
namespace {

struct Client {
  TestServer& server;

  std::string Ask(const std::string& sql, const std::string& database = "shop") const {
    return Query(server.Address(), server.Admin(), database, sql, "disable");
  }
  void Do(const std::string& sql, const std::string& database = "shop") const {
    INFO(sql);
    CHECK(Ask(sql, database) == "");
  }
};

/// What a dump of a whole cluster brings, and what may be lying about in one.
const std::vector<std::string>& Content() {
  static const std::vector<std::string> content{
      "CREATE ROLE app LOGIN PASSWORD 'known'",
      "CREATE ROLE dba SUPERUSER REPLICATION LOGIN PASSWORD 'known'",
      "ALTER ROLE postgres PASSWORD 'known'",
      "GRANT postgres TO app",
      "CREATE SCHEMA \"Own Schema\" AUTHORIZATION postgres",
      "CREATE TABLE items (id serial PRIMARY KEY, n int)",
      "ALTER TABLE items OWNER TO postgres",
      "INSERT INTO items (n) SELECT generate_series(1, 100)",
      "CREATE TABLE of_app (id int)",
      "ALTER TABLE of_app OWNER TO app",
      "ALTER TABLE of_app ENABLE ROW LEVEL SECURITY",
      "ALTER TABLE of_app FORCE ROW LEVEL SECURITY",
      "CREATE SEQUENCE numbers",
      "ALTER SEQUENCE numbers OWNER TO postgres",
      "CREATE TYPE mood AS ENUM ('good')",
      "ALTER TYPE mood OWNER TO postgres",
      "CREATE TYPE pair AS (a int, b int)",
      "ALTER TYPE pair OWNER TO postgres",
      "CREATE DOMAIN positive AS int CHECK (VALUE > 0)",
      "ALTER DOMAIN positive OWNER TO postgres",
      "CREATE TYPE span AS RANGE (subtype = float8)",
      "ALTER TYPE span OWNER TO postgres",
      "CREATE VIEW seen AS SELECT * FROM items",
      "ALTER VIEW seen OWNER TO postgres",
      "CREATE MATERIALIZED VIEW stored AS SELECT * FROM items",
      "ALTER MATERIALIZED VIEW stored OWNER TO postgres",
      "CREATE FUNCTION add(int, int) RETURNS int LANGUAGE sql AS 'SELECT $1 + $2'",
      "ALTER FUNCTION add(int, int) OWNER TO postgres",
      "CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int)",
      "ALTER AGGREGATE total(int) OWNER TO postgres",
      "CREATE OPERATOR public.<+> (LEFTARG = int, RIGHTARG = int, PROCEDURE = add)",
      "ALTER OPERATOR public.<+> (int, int) OWNER TO postgres",
      "CREATE OPERATOR CLASS odd FOR TYPE int USING btree AS OPERATOR 1 <",
      "ALTER OPERATOR CLASS odd USING btree OWNER TO postgres",
      "ALTER OPERATOR FAMILY odd USING btree OWNER TO postgres",
      "CREATE COLLATION mine FROM \"C\"",
      "ALTER COLLATION mine OWNER TO postgres",
      "CREATE TEXT SEARCH CONFIGURATION words (COPY = simple)",
      "ALTER TEXT SEARCH CONFIGURATION words OWNER TO postgres",
      "CREATE STATISTICS related ON id, n FROM items",
      "ALTER STATISTICS related OWNER TO postgres",
      "CREATE PUBLICATION news FOR TABLE items",
      "ALTER PUBLICATION news OWNER TO postgres",
      "CREATE PUBLICATION everything FOR ALL TABLES",
      "SELECT lo_create(4711)",
      "ALTER LARGE OBJECT 4711 OWNER TO postgres",
      "CREATE FUNCTION as_owner(text) RETURNS text SECURITY DEFINER LANGUAGE plpgsql AS "
      "$$ DECLARE x text; BEGIN EXECUTE $1 INTO x; RETURN x; END $$",
      "ALTER FUNCTION as_owner(text) OWNER TO postgres",
      "DO $$ BEGIN EXECUTE format('CREATE FUNCTION read_file(text) RETURNS text LANGUAGE internal AS %L', "
      "(SELECT prosrc FROM pg_proc WHERE oid = 'pg_read_file(text)'::regprocedure)); END $$",
      "GRANT EXECUTE ON FUNCTION read_file(text) TO app",
      "GRANT EXECUTE ON FUNCTION pg_read_file(text) TO PUBLIC, app",
      "GRANT EXECUTE ON FUNCTION pg_ls_dir(text) TO PUBLIC",
      "CREATE FUNCTION noticed() RETURNS int LANGUAGE sql AS 'SELECT 1'",
      "CREATE FUNCTION on_command() RETURNS event_trigger SECURITY DEFINER LANGUAGE plpgsql AS "
      "$$ BEGIN PERFORM public.noticed(); END $$",
      "CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE PROCEDURE on_command()",
      "ALTER EVENT TRIGGER watch ENABLE ALWAYS",
  };
  return content;
}

/// Refused by a server that lacks what they are about.
const std::vector<std::string>& MayBeMissing() {
  static const std::vector<std::string> content{
      "CREATE EXTENSION dblink",
      "CREATE EXTENSION file_fdw",
      "CREATE EXTENSION postgres_fdw",
      "CREATE EXTENSION adminpack",
      "CREATE EXTENSION plperlu",
      "CREATE FUNCTION run_perl(text) RETURNS text LANGUAGE plperlu AS 'return `$_[0]`'",
      "GRANT EXECUTE ON FUNCTION dblink_connect_u(text) TO PUBLIC, app",
      "CREATE SERVER files FOREIGN DATA WRAPPER file_fdw",
      "CREATE FOREIGN TABLE passwd (l text) SERVER files OPTIONS (filename '/etc/passwd')",
      "CREATE SERVER me FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$SOCKET', port '$PORT', dbname "
      "'shop')",
      "CREATE USER MAPPING FOR PUBLIC SERVER me OPTIONS (user 'postgres', password_required 'false')",
      "CREATE FOREIGN TABLE authid (rolname name) SERVER me OPTIONS (schema_name 'pg_catalog', table_name "
      "'pg_authid')",
      "CREATE SUBSCRIPTION sub CONNECTION 'host=$SOCKET port=$PORT user=postgres dbname=shop' PUBLICATION "
      "news "
      "WITH (connect = false, enabled = false, create_slot = false, slot_name = NONE)",
      "GRANT pg_execute_server_program, pg_read_server_files TO app",
      "GRANT SET ON PARAMETER session_preload_libraries TO PUBLIC, app",
  };
  return content;
}

std::string Replaced(std::string text, const std::string& word, const std::string& by) {
  const size_t at = text.find(word);
  return at == std::string::npos ? text : text.replace(at, word.size(), by);
}

std::string Here(const Client& client, const std::string& sql) {
  return Replaced(Replaced(sql, "$SOCKET", client.server.Where().socket_directory), "$PORT",
                  std::to_string(client.server.Address().port));
}

void Fill(const Client& client) {
  for (const std::string& sql : Content()) {
    INFO(sql);
    CHECK(client.Ask(sql).find("error:") == std::string::npos);
  }
  for (const std::string& sql : MayBeMissing()) client.Ask(Here(client, sql));
}

void OwnsWhatIsThere(const Client& client) {
  CHECK(
      client.Ask("SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication FROM pg_roles WHERE rolname = "
                 "current_user") == "f|t|t|f");
  CHECK(client.Ask("SELECT count(*) FROM items") == "100");
  CHECK(client.Ask("SELECT lo_get(4711)") == "\\x");
  for (const char* sql : {"INSERT INTO items (n) VALUES (1)",
                          "ALTER TABLE items ADD c text",
                          "DELETE FROM items WHERE n = 1",
                          "INSERT INTO of_app VALUES (1)",
                          "DROP TABLE of_app",
                          "ALTER SEQUENCE numbers RESTART",
                          "ALTER TYPE mood ADD VALUE 'bad'",
                          "ALTER TYPE pair ADD ATTRIBUTE c int",
                          "ALTER DOMAIN positive DROP CONSTRAINT positive_check",
                          "DROP TYPE span",
                          "DROP VIEW seen",
                          "REFRESH MATERIALIZED VIEW stored",
                          "DROP OPERATOR public.<+> (int, int)",
                          "CREATE OR REPLACE FUNCTION add(int, int) RETURNS int LANGUAGE sql AS 'SELECT 0'",
                          "ALTER AGGREGATE total(int) RENAME TO sum_up",
                          "DROP OPERATOR FAMILY odd USING btree",
                          "DROP COLLATION mine",
                          "DROP TEXT SEARCH CONFIGURATION words",
                          "DROP STATISTICS related",
                          "DROP PUBLICATION news",
                          "DROP SCHEMA \"Own Schema\"",
                          "CREATE TABLE more (id int)",
                          "CREATE SCHEMA another",
                          "CREATE DATABASE next",
                          "CREATE ROLE somebody LOGIN PASSWORD 'x'",
                          "ALTER ROLE app PASSWORD 'other'",
                          "SET ROLE app",
                          "GRANT app TO somebody",
                          "DROP SCHEMA public CASCADE",
                          "CREATE SCHEMA public",
                          "ALTER DATABASE shop RENAME TO store",
                          "ALTER DATABASE store RENAME TO shop"}) {
    client.Do(sql, std::string(sql).find("ALTER DATABASE") == 0 ? "postgres" : "shop");
  }
  CHECK(client.Ask("SELECT lo_unlink(4711)") == "1");
  client.Do("CREATE TABLE t (id int)", "next");
  client.Do("CREATE TABLE t (id int)", client.server.Admin().user);
  client.Do("DROP DATABASE next", "postgres");
}

/// Everything that is to be refused. The role that the restore gave rights to is a way as well.
std::vector<std::string> WaysOut() {
  std::vector<std::string> ways{
      "CREATE TEMP TABLE o (l text); COPY o FROM PROGRAM 'id'",
      "COPY (SELECT 1) TO PROGRAM 'id'",
      "CREATE TEMP TABLE o (l text); COPY o FROM '/etc/passwd'",
      "COPY (SELECT 1) TO '/tmp/left-by-a-test'",
      "SELECT pg_read_file('/etc/passwd')",
      "SELECT pg_read_file('PG_VERSION')",
      "SELECT read_file('PG_VERSION')",
      "SELECT pg_read_binary_file('PG_VERSION')",
      "SELECT pg_ls_dir('.')",
      "SELECT pg_stat_file('PG_VERSION')",
      "SELECT lo_import('/etc/passwd')",
      "SELECT lo_export(lo_create(0), '/tmp/left-by-a-test')",
      "LOAD '/tmp/x.so'",
      "CREATE FUNCTION system(cstring) RETURNS int LANGUAGE c AS 'libc.so.6', 'system'",
      "CREATE FUNCTION mine(text) RETURNS text LANGUAGE internal AS 'pg_read_file_v2'",
      "CREATE LANGUAGE plperlu",
      "CREATE EXTENSION plperlu SCHEMA public",
      "DO LANGUAGE plperlu 'system(1)'",
      "SELECT run_perl('id')",
      "CREATE TABLESPACE out LOCATION '/tmp'",
      "ALTER SYSTEM SET archive_command = 'id'",
      "SELECT set_config('session_preload_libraries', 'x', false)",
      "ALTER DATABASE shop SET session_preload_libraries = 'x'",
      "ALTER ROLE CURRENT_USER SUPERUSER",
      "ALTER ROLE CURRENT_USER REPLICATION",
      "CREATE ROLE strong SUPERUSER",
      "CREATE ROLE strong REPLICATION",
      "ALTER ROLE app SUPERUSER",
      "ALTER ROLE postgres PASSWORD 'mine'",
      "ALTER ROLE postgres NOLOGIN",
      "ALTER ROLE postgres RENAME TO other",
      "DROP ROLE postgres",
      "SET ROLE postgres",
      "SET SESSION AUTHORIZATION postgres",
      "GRANT postgres TO CURRENT_USER",
      "GRANT pg_execute_server_program TO CURRENT_USER",
      "GRANT pg_read_server_files TO app",
      "GRANT pg_write_server_files TO app",
      "SET ROLE pg_execute_server_program",
      "UPDATE pg_catalog.pg_authid SET rolsuper = true",
      "UPDATE pg_catalog.pg_proc SET proowner = 10",
      "CREATE FUNCTION pg_catalog.abs(int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
      "SELECT as_owner('SELECT pg_read_file(''PG_VERSION'')')",
      "SELECT as_owner('COPY items TO PROGRAM ''id''')",
      "CREATE OR REPLACE FUNCTION on_command() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$",
      "ALTER EVENT TRIGGER watch ENABLE ALWAYS",
      "CREATE EVENT TRIGGER mine ON ddl_command_end EXECUTE PROCEDURE on_command()",
      "SELECT * FROM passwd",
      "CREATE SERVER f FOREIGN DATA WRAPPER file_fdw; CREATE FOREIGN TABLE f (l text) SERVER f OPTIONS "
      "(filename "
      "'/etc/passwd')",
      "SELECT dblink_connect_u('host=$SOCKET port=$PORT user=postgres dbname=shop')",
      "SELECT * FROM dblink('host=$SOCKET port=$PORT user=postgres dbname=shop', 'SELECT 1') AS t (x int)",
      "SELECT * FROM dblink('host=$SOCKET port=$PORT user=postgres dbname=shop password=x', 'SELECT 1') AS t "
      "(x "
      "int)",
      "SELECT * FROM authid",
      "ALTER USER MAPPING FOR PUBLIC SERVER me OPTIONS (ADD password_required 'false')",
      "CREATE SUBSCRIPTION s CONNECTION 'host=$SOCKET port=$PORT user=postgres dbname=shop' PUBLICATION news",
      "ALTER SUBSCRIPTION sub ENABLE",
      "ALTER SUBSCRIPTION sub CONNECTION 'host=$SOCKET port=$PORT user=postgres'",
      "SELECT pg_create_physical_replication_slot('s')",
      "SELECT pg_file_write('x', 'y', false)",
      "SELECT pg_catalog.pg_file_write('x', 'y', false)",
      "GRANT SET ON PARAMETER session_preload_libraries TO CURRENT_USER",
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'",
      "SELECT pg_reload_conf()",
  };
  return ways;
}

/// What the server says against a statement; empty: nothing.
std::string Refusal(PGconn* connection, const std::string& sql) {
  const std::unique_ptr<PGresult, decltype(&PQclear)> done(PQexec(connection, sql.c_str()), PQclear);
  const std::string said = PQresultErrorMessage(done.get());
  PQclear(PQexec(connection, "ROLLBACK"));
  return said;
}

void ReachesNothingElse(const Client& client) {
  const Credentials& admin = client.server.Admin();
  const std::string where =
      "host=127.0.0.1 sslmode=disable dbname=shop port=" + std::to_string(client.server.Address().port) +
      " user=" + admin.user + " password=" + admin.password;
  const postgresql::Connection connection(PQconnectdb(where.c_str()));
  REQUIRE(PQstatus(connection.get()) == CONNECTION_OK);
  PQsetNoticeProcessor(
      connection.get(), [](void*, const char*) {}, nullptr);
  for (const std::string& way : WaysOut()) {
    for (const char* role : {"", "SET ROLE app; ", "SET ROLE dba; "}) {
      const std::string sql = "BEGIN; " + std::string(role) + Here(client, way);
      INFO(sql);
      CHECK(Refusal(connection.get(), sql) != "");
    }
  }
}

void NobodyElseGetsIn(const Client& client) {
  const Endpoint& at = client.server.Address();
  CHECK(Query(at, {"postgres", "known", ""}, "shop", "SELECT 1").find("error:") == 0);
  CHECK(Query(at, {"dba", "known", ""}, "shop", "SELECT rolsuper FROM pg_roles WHERE rolname = 'dba'") ==
        "f");
  CHECK(Query(at, {"dba", "known", ""}, "shop", "COPY items TO PROGRAM 'id'").find("error:") == 0);
}

/// What he may do, so that the next start has another door open.
void PreparesTraps(const Client& client) {
  client.Do(
      "CREATE OR REPLACE FUNCTION noticed() RETURNS int LANGUAGE plpgsql AS $$ BEGIN "
      "EXECUTE 'ALTER ROLE app SUPERUSER'; RETURN 1; EXCEPTION WHEN insufficient_privilege THEN RETURN 0; "
      "END $$");
  client.Do("CREATE TABLE trap (n int)");
  client.Do(
      "CREATE FUNCTION trapped(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN "
      "EXECUTE 'ALTER ROLE app SUPERUSER'; RETURN 1; EXCEPTION WHEN others THEN RETURN 0; END $$");
  client.Do("CREATE INDEX ON trap (trapped(n))");
  client.Do("INSERT INTO trap VALUES (1)");
  for (const char* setting : {"role = app", "search_path = public", "statement_timeout = 1",
                              "session_replication_role = "
                              "origin",
                              "local_preload_libraries = 'nosuch'"}) {
    client.Ask(std::string("ALTER DATABASE shop SET ") + setting);
    client.Ask(std::string("ALTER DATABASE postgres SET ") + setting);
  }
}

std::string Superusers(const Client& client) {
  return client.Ask(
      "SELECT string_agg(rolname, ',' ORDER BY rolname) FROM pg_roles WHERE rolsuper AND rolname !~ "
      "'^pg_'",
      "template1");
}

TEST_CASE("Every installed version does without a superuser for its clients") {
  for (const Installation& installation : Installed()) {
    INFO("PostgreSQL " << installation.version << " at " << installation.root);
    TestServer server(installation);
    const Client client{server};
    auto session = server.Start();
    Credentials admin = server.Admin();
    REQUIRE(session->PrepareContainer(admin).has_value());
    REQUIRE(session->CreateDatabase("shop").has_value());
    Fill(client);

    // The image.
    admin.superuser = false;
    const auto made = session->PrepareImage(admin);
    INFO((made ? "" : made.error().message));
    REQUIRE(made.has_value());
    session.reset();
    server.Stop();
    server.SetSuperuser(false);
    session = server.Start();
    REQUIRE(session->PrepareContainer(admin).has_value());
    CHECK(Superusers(client) == "postgres");
    ReachesNothingElse(client);
    NobodyElseGetsIn(client);
    PreparesTraps(client);

    // A restart.
    session.reset();
    server.Stop();
    session = server.Start();
    REQUIRE(session->PrepareContainer(admin).has_value());
    for (const char* database : {"shop", "postgres"}) {
      CHECK(client.Ask(std::string("ALTER DATABASE ") + database + " RESET ALL", "template1") == "");
    }
    ReachesNothingElse(client);

    // Graduation does it all again, over what a user has prepared.
    const auto again = session->PrepareImage(admin);
    INFO((again ? "" : again.error().message));
    REQUIRE(again.has_value());
    REQUIRE(session->PrepareContainer(admin).has_value());
    CHECK(Superusers(client) == "postgres");
    OwnsWhatIsThere(client);
    session.reset();
    server.Stop();
  }
}

/// What a superuser does, and how he undoes it, in a session that none of it keeps out.
struct Trap {
  std::string sql;
  std::string undo;
  int from = 10;  ///< major version
  int before = 99;
};

const std::vector<Trap>& Traps() {
  static const std::vector<Trap> traps{
      {"CREATE FUNCTION no() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not you'; END $$; "
       "CREATE "
       "EVENT TRIGGER no ON login EXECUTE FUNCTION no()",
       "DROP EVENT TRIGGER no", 17},
      {"CREATE FUNCTION late() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(600); END "
       "$$; "
       "CREATE EVENT TRIGGER late ON login EXECUTE FUNCTION late(); ALTER EVENT TRIGGER late ENABLE ALWAYS",
       "DROP EVENT TRIGGER late", 17},
      {"ALTER SYSTEM SET session_preload_libraries = 'nosuch'", "ALTER SYSTEM RESET ALL"},
      {"ALTER DATABASE postgres SET session_preload_libraries = 'nosuch'",
       "ALTER DATABASE postgres RESET ALL"},
      {"ALTER ROLE postgres SET local_preload_libraries = 'nosuch'", "ALTER ROLE postgres RESET ALL"},
      {"CREATE ROLE weak; ALTER DATABASE postgres SET role = weak", "ALTER DATABASE postgres RESET ALL"},
      {"ALTER ROLE postgres SET statement_timeout = 1", "ALTER ROLE postgres RESET ALL"},
      {"ALTER ROLE postgres SET default_transaction_read_only = on", "ALTER ROLE postgres RESET ALL"},
      {"ALTER ROLE postgres CONNECTION LIMIT 0 VALID UNTIL '2000-01-01'", "SELECT 1"},
      {"ALTER ROLE postgres NOLOGIN", "SELECT 1"},
      {"ALTER ROLE postgres NOSUPERUSER", "SELECT 1", 10, 16},
      {"ALTER DATABASE postgres CONNECTION LIMIT 0", "ALTER DATABASE postgres CONNECTION LIMIT -1"},
      {"ALTER DATABASE postgres ALLOW_CONNECTIONS false", "ALTER DATABASE postgres ALLOW_CONNECTIONS true"},
      {"ALTER ROLE postgres RENAME TO other", "SELECT 1"},
  };
  return traps;
}

TEST_CASE("The keeper gets in, whatever a superuser did to logins") {
  for (const Installation& installation : Installed()) {
    INFO("PostgreSQL " << installation.version << " at " << installation.root);
    TestServer server(installation);
    auto session = server.Start();
    const Credentials& admin = server.Admin();
    REQUIRE(session->PrepareContainer(admin).has_value());
    const int major = std::stoi(Postgresql().MajorVersion(installation.version));
    const std::string where =
        "host=127.0.0.1 sslmode=disable dbname=template1 port=" + std::to_string(server.Address().port) +
        " user=" + admin.user + " password=" + admin.password +
        " options='-c session_preload_libraries= -c local_preload_libraries=" +
        (major >= 17 ? " -c event_triggers=off'" : "'");
    const auto say = [&](const std::string& sql) {
      const postgresql::Connection connection(PQconnectdb(where.c_str()));
      INFO(sql << ": " << PQerrorMessage(connection.get()));
      REQUIRE(PQstatus(connection.get()) == CONNECTION_OK);
      CHECK(Refusal(connection.get(), sql) == "");
    };
    for (const Trap& trap : Traps()) {
      if (major < trap.from || major >= trap.before) continue;
      INFO(trap.sql);
      say(trap.sql);
      session.reset();
      server.Stop();
      session = server.Start();
      const auto prepared = session->PrepareContainer(admin);
      INFO((prepared ? "" : prepared.error().message));
      CHECK(prepared.has_value());
      say(trap.undo);
    }
    session.reset();
    server.Stop();
  }
}

}  // namespace
}  // namespace spawnd::engines::testing
