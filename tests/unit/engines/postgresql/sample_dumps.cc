#include "tests/unit/engines/postgresql/sample_dumps.h"

#include "engines/postgresql/restore/client_tools.h"
#include "tests/support/catch.h"

namespace spawnd::engines::testing {
namespace {

/// Text that a careless reader would take for the end of data, of a quote or of a statement.
const std::string kShop = R"SQL(
CREATE SCHEMA stock;
CREATE TABLE item (id int PRIMARY KEY, label text, price numeric(10,2) NOT NULL, note text);
INSERT INTO item SELECT i, CASE WHEN i = 7 THEN E'odd;\\.name' ELSE 'item ' || i END, i / 2.0,
  CASE i % 4 WHEN 0 THEN E'line\nbreak' WHEN 1 THEN E'it''s \\ "quoted" $$ -- no comment' WHEN 2 THEN E'\\.' END
  FROM generate_series(0, 999) i;
CREATE TABLE log (at timestamptz DEFAULT now(), what text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  INSERT INTO log (what) VALUES ('changed; $x$ ' || NEW.id); -- COPY log FROM stdin;
  RETURN NEW;
END $body$;
CREATE TRIGGER note AFTER UPDATE ON item FOR EACH ROW EXECUTE PROCEDURE note();
UPDATE item SET note = note WHERE id < 10;
CREATE FUNCTION stock.in_stock(int) RETURNS int LANGUAGE sql AS 'SELECT $1 /* a '' quote */';
CREATE VIEW dear AS SELECT * FROM item WHERE price > 100;
CREATE TABLE "Odd ""Name"" FROM stdin" (a text);
INSERT INTO "Odd ""Name"" FROM stdin" VALUES ('x');
COMMENT ON TABLE item IS 'two
lines; of it''s comment';
)SQL";

std::map<std::string, std::string> MakeDumps() {
  const auto tool = postgresql::FindClientTool("pg_dump");
  REQUIRE(tool.has_value());
  const auto installation = InstalledMajor(Postgresql().MajorVersion(tool->version));
  REQUIRE(installation.has_value());
  const TestServer& server = TestServer::Shared(*installation);
  const auto run = [&](const std::string& database, const std::string& sql) {
    const std::string answer = Query(server.Address(), server.Admin(), database, sql);
    INFO(answer);
    REQUIRE(answer.substr(0, 6) != "error:");
  };
  for (const char* role : {"shop_owner", "shop_reader"}) run("postgres", std::string("CREATE ROLE ") + role);
  run("postgres", "CREATE DATABASE shop OWNER shop_owner");
  run("shop", kShop);
  for (const char* table : {"item", "log", "\"Odd \"\"Name\"\" FROM stdin\""}) {
    run("shop", std::string("ALTER TABLE ") + table + " OWNER TO shop_owner");
    run("shop", std::string("GRANT SELECT ON ") + table + " TO shop_reader");
  }
  run("shop", "ALTER DEFAULT PRIVILEGES FOR ROLE shop_owner GRANT SELECT ON TABLES TO shop_reader");

  std::map<std::string, std::string> dumps;
  dumps["plain"] = RunClient(server, {"pg_dump", "shop"});
  dumps["create"] = RunClient(server, {"pg_dump", "--create", "shop"});
  dumps["clean"] = RunClient(server, {"pg_dump", "--clean", "shop"});
  dumps["inserts"] = RunClient(server, {"pg_dump", "--inserts", "shop"});
  dumps["custom"] = RunClient(server, {"pg_dump", "--format=custom", "shop"});
  dumps["tar"] = RunClient(server, {"pg_dump", "--format=tar", "shop"});
  dumps["all"] = RunClient(server, {"pg_dumpall", "--exclude-database=Fresh*"});
  run("postgres", "DROP DATABASE shop");
  for (const char* role : {"shop_owner", "shop_reader"}) run("postgres", std::string("DROP ROLE ") + role);
  return dumps;
}

}  // namespace

const std::map<std::string, std::string>& SampleDumps() {
  static const std::map<std::string, std::string> dumps = MakeDumps();
  return dumps;
}

}  // namespace spawnd::engines::testing
