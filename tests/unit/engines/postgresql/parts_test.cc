/// What of a plain dump is left out, and who has an extension.
#include "engines/postgresql/parts/extensions.h"
#include "engines/postgresql/parts/plain_filter.h"
#include "engines/postgresql/parts/selection.h"
#include "engines/postgresql/physical/base_recovery.h"
#include "tests/support/catch.h"

namespace spawnd::engines::postgresql {
namespace {

/// In pieces of each size, which must not matter.
std::string Filtered(const std::string& dump, const RestoreOptions& options) {
  std::string first;
  for (const size_t size : {dump.size() + 1, size_t{1}, size_t{7}}) {
    PlainFilter filter("x.sql", options);
    std::string out;
    for (size_t at = 0; at <= dump.size(); at += size) {
      const auto part = filter.Filter(std::string_view(dump).substr(at, size), at + size > dump.size());
      REQUIRE(part);
      out += *part;
    }
    if (first.empty()) first = out;
    CHECK(out == first);
  }
  return first;
}

TEST_CASE("Rows are left out, and lines stay where they are", "[parts]") {
  const std::string dump =
      "CREATE TABLE s.a (i int);\nCOPY s.a (i) FROM stdin;\n1\n\\N;\n\\.\n-- end\n"
      "INSERT INTO s.\"b\" VALUES ('x;\n');\nSELECT 1;\n";
  RestoreOptions options;
  CHECK(Filtered(dump, options) == dump);
  options.exclude_data = {"a"};
  CHECK(Filtered(dump, options) ==
        "CREATE TABLE s.a (i int);\n\n\n\n\n-- end\nINSERT INTO s.\"b\" VALUES ('x;\n');\nSELECT 1;\n");
  options.exclude_data = {"s.?"};
  CHECK(Filtered(dump, options) == "CREATE TABLE s.a (i int);\n\n\n\n\n-- end\n\n\nSELECT 1;\n");
  options.exclude_data.clear();
  options.schema_only = true;
  CHECK(Filtered(dump + "SELECT pg_catalog.setval('s', 1);\n", options) ==
        "CREATE TABLE s.a (i int);\n\n\n\n\n-- end\n\n\nSELECT 1;\n\n");
  // What writes them otherwise, and what does not.
  CHECK(Filtered(
            "MERGE INTO t USING s;\nWITH x AS (SELECT 1) INSERT INTO t TABLE x;\nUPDATE t SET a = 1;\n"
            "SELECT lo_create('1');\nALTER LARGE OBJECT 1 OWNER TO x;\nDO $$ BEGIN DELETE FROM t; END $$;\n",
            options) == "\n\n\n\n\n\n");
  const std::string kept =
      "DO $$ BEGIN CREATE TYPE t AS (a int); UPDATE x SET a = 1; END $$;\nWITH x AS (SELECT 1) TABLE x;\n";
  CHECK(Filtered(kept, options) == kept);
  options.schema_only = false;
  options.exclude_data = {"c"};
  PlainFilter filter("x.sql", options);
  const auto refused = filter.Filter(dump, true);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().hint == "It has s.a.");
}

std::string RefusalOf(const std::string& dump, std::vector<std::string> exclude_data) {
  RestoreOptions options;
  options.exclude_data = std::move(exclude_data);
  PlainFilter filter("x.sql", options);
  const auto refused = filter.Filter(dump, true);
  return refused ? std::string() : refused.error().message + " " + refused.error().hint;
}

TEST_CASE("Rows of partitions and of what inherits go with those of their parent", "[parts]") {
  const std::string tables =
      "CREATE TABLE s.p (d int)\nPARTITION BY RANGE (d);\nCREATE TABLE s.\"P 1\" (d int) PARTITION BY LIST "
      "(d);\nCREATE TABLE s.p1a (d int);\nCREATE TABLE s.base (i int);\nCREATE TABLE s.kid (i int DEFAULT "
      "'1')\nINHERITS (s.x, s.base)\nWITH (fillfactor='70');\nCREATE TABLE s.y PARTITION OF s.p1a DEFAULT;\n"
      "CREATE TABLE s.late (i int);\nALTER TABLE s.late INHERIT s.kid;\n";
  const std::string attach =
      "ALTER TABLE ONLY s.p ATTACH PARTITION s.\"P 1\" FOR VALUES FROM (1) TO (2);\nALTER TABLE ONLY "
      "s.\"P 1\" ATTACH PARTITION s.p1a FOR VALUES IN (1);\n";
  const std::string rows = "COPY s.p1a (d) FROM stdin;\n1\n\\.\nINSERT INTO s.y VALUES (1);\n";
  const std::string kids = "COPY s.late (i) FROM stdin;\n1\n\\.\nINSERT INTO s.kid VALUES (1);\n";
  RestoreOptions options;
  options.exclude_data = {"p"};
  CHECK(Filtered(tables + attach + rows + kids, options) == tables + attach + "\n\n\n\n" + kids);
  options.exclude_data = {"s.P 1"};
  CHECK(Filtered(tables + attach + rows, options) == tables + attach + "\n\n\n\n");
  options.exclude_data = {"base"};
  CHECK(Filtered(tables + attach + rows + kids, options) == tables + attach + rows + "\n\n\n\n");
  CHECK(
      RefusalOf(tables + rows + attach, {"p"}) ==
      "line 17 of 'x.sql': `excludeData:` names 's.p', of which 's.p1a' is a part, and the rows of that come "
      "in 'x.sql' before it says so Name it, too: `excludeData: [s.p, s.p1a]`.");
  CHECK(RefusalOf(tables + rows + attach, {"p", "p1a", "y"}).empty());
  CHECK(RefusalOf(tables + attach + "COPY s.p (d) FROM stdin;\n1\n\\.\n", {"p1a"}).find("partition") !=
        std::string::npos);
}

TEST_CASE("Names without a schema are of the search path", "[parts]") {
  const std::string dump =
      "SET search_path = s, pg_catalog;\nCREATE TABLE p (d int) PARTITION BY RANGE (d);\nCREATE TABLE p1 "
      "PARTITION OF p FOR VALUES FROM (1) TO (2);\nSET search_path = t, pg_catalog;\nCREATE TABLE p1 (i "
      "int);\n"
      "INSERT INTO p1 VALUES (1);\nSET search_path = s, pg_catalog;\n";
  RestoreOptions options;
  options.exclude_data = {"s.p"};
  CHECK(Filtered(dump + "INSERT INTO p1 VALUES (1);\n", options) == dump + "\n");
}

TEST_CASE("Extensions of a dump: what it wants, and what is left out", "[parts]") {
  const std::string dump =
      "CREATE EXTENSION IF NOT EXISTS pg_cron WITH SCHEMA pg_catalog;\nCOMMENT ON EXTENSION pg_cron IS "
      "'CREATE EXTENSION x;';\n"
      "CREATE EXTENSION \"uuid-ossp\" VERSION '1.1';\nALTER EXTENSION pg_cron UPDATE;\n-- CREATE EXTENSION "
      "y;\n"
      "COPY cron.job FROM stdin;\n1\n\\.\n";
  PlainFilter wanted("x.sql", {});
  REQUIRE(wanted.Filter(dump, true));
  CHECK(wanted.Wanted() == std::vector<WantedExtension>{{"pg_cron", ""}, {"uuid-ossp", "1.1"}});
  RestoreOptions options;
  options.skip_extensions = {"pg_cron"};
  CHECK(Filtered(dump, options) ==
        "\n\nCREATE EXTENSION \"uuid-ossp\" VERSION '1.1';\n\n-- CREATE EXTENSION y;\n\n\n\n");
}

TEST_CASE("Statements that make databases are found wherever they stand", "[parts]") {
  PlainFilter filter("x.sql", {});
  REQUIRE(
      filter.Filter("SELECT 1; /* x */ CREATE DATABASE\n shop ENCODING 'UTF8';\ncreate database b;", true));
  CHECK(filter.Databases() == "CREATE DATABASE\n shop ENCODING 'UTF8';\ncreate database b;\n");
}

TEST_CASE("What is said of a skipped extension's own objects is left out", "[parts]") {
  const std::string kept =
      "CREATE SCHEMA vault;\nCREATE EXTENSION hstore WITH SCHEMA public;\nCREATE TABLE public.t (i int);\n"
      "CREATE FUNCTION vault.mine() RETURNS int;\nGRANT ALL ON TABLE public.t TO a;\n"
      "GRANT ALL ON FUNCTION vault.mine() TO a;\nGRANT USAGE ON SCHEMA vault TO a;\n"
      "GRANT ALL ON FUNCTION public.hstore(text) TO a;\nCOMMENT ON TABLE public.t IS 'cron.job';\n"
      "SELECT pg_catalog.setval('public.s', 3, true);\n";
  const std::string gone =
      "GRANT USAGE ON SCHEMA cron TO postgres;\nGRANT ALL ON FUNCTION cron.schedule(text, text) TO p;\n"
      "REVOKE ALL ON TABLE cron.job FROM p;\nSELECT pg_catalog.setval('cron.jobid_seq', 3, true);\n"
      "SELECT cron.schedule('a', 'b');\nALTER TABLE cron.job OWNER TO p;\nCREATE POLICY p ON cron.job USING "
      "(true);\nCOMMENT ON TABLE cron.job IS 'x';\nALTER DEFAULT PRIVILEGES FOR ROLE p IN SCHEMA cron GRANT "
      "ALL "
      "ON TABLES TO p;\nGRANT ALL ON TABLE vault.secrets TO p;\nSECURITY LABEL FOR x ON COLUMN cron.job.a IS "
      "'y';\nALTER TABLE cron.job ENABLE ROW LEVEL SECURITY;\nUPDATE cron.job SET a = 1;\n";
  const std::string extensions =
      "CREATE EXTENSION pg_cron;\nCREATE EXTENSION supabase_vault WITH SCHEMA vault;\n";
  RestoreOptions options;
  options.skip_extensions = {"pg_cron", "supabase_vault", "nosuch"};
  CHECK(Filtered(extensions + kept + gone, options) == "\n\n" + kept + std::string(13, '\n'));
  PlainFilter filter("x.sql", options);
  REQUIRE(filter.Filter(extensions + kept + gone, true));
  REQUIRE(filter.Warnings().size() == 5);
  CHECK(filter.Warnings()[0] ==
        "'x.sql': skipExtensions names 'nosuch', an extension that the dump does not have");
}

std::vector<int> Kept(const Contents& contents, const RestoreOptions& options) {
  const auto selection = SelectParts(contents, options, "x.dump");
  REQUIRE(selection);
  return selection->ids;
}

TEST_CASE("Of an archive, what stands on a skipped extension's table goes with it", "[parts]") {
  Contents contents;
  contents.entries = {
      {1, "SCHEMA", "", "cron"},           {2, "EXTENSION", "", "pg_cron", {1}, {}, false, "cron"},
      {3, "TABLE", "cron", "own", {1}},    {4, "POLICY", "cron", "job p", {2}},
      {5, "POLICY", "cron", "own p", {3}}, {6, "TRIGGER", "cron", "job t"},
      {7, "INDEX", "cron", "job_idx"},     {8, "INDEX", "cron", "own_idx", {3}},
      {9, "ROW SECURITY", "cron", "job"},  {10, "TABLE DATA", "cron", "job"}};
  RestoreOptions options;
  options.skip_extensions = {"pg_cron"};
  CHECK(Kept(contents, options) == std::vector<int>{1, 3, 5, 8});
}

TEST_CASE("Of an archive, schemaOnly leaves out large objects with what is said of them", "[parts]") {
  Contents contents;
  contents.entries = {{1, "TABLE", "s", "t"},
                      {2, "BLOB", "", "16405"},
                      {3, "ACL", "", "LARGE OBJECT 16405"},
                      {4, "COMMENT", "", "LARGE OBJECT 16405"},
                      {5, "TABLE DATA", "s", "t", {1}},
                      {6, "BLOBS", "", "BLOBS"}};
  RestoreOptions options;
  options.schema_only = true;
  CHECK(Kept(contents, options) == std::vector<int>{1});
}

TEST_CASE("The package of an extension is one that is there", "[parts]") {
  const std::string listed =
      "postgresql-15-cron - Run periodic jobs\npostgresql-15-postgis-3 - Geographic\npostgresql-plpython3-15 "
      "- "
      "language\npostgresql-15-pgvector - x\n";
  CHECK(PackageOf("pg_cron", "15", listed) == "postgresql-15-cron");
  CHECK(PackageOf("postgis_raster", "15", listed) == "postgresql-15-postgis-3");
  CHECK(PackageOf("plpython3u", "15", listed) == "postgresql-plpython3-15");
  CHECK(PackageOf("vector", "15", listed) == "postgresql-15-pgvector");
  CHECK(PackageOf("supabase_vault", "15", listed).empty());
  CHECK(PackageOf("pg_cron", "17", listed).empty());
}

TEST_CASE("What a server on its own prints becomes warnings", "[physical]") {
  const std::string output =
      "\t 1: spawnd_warning = \"it's \"a\" text\"\t(typeid = 25, len = -1)\n\t----\n"
      "\t 1: spawnd_subscriptions_switched_off = \"s\"\t(typeid = 19)\n";
  CHECK(WarningsIn("x", output) ==
        "'x': it's \"a\" text; 'x': switched off, so that nothing connects to the source: subscription 's'");
  CHECK(WarningsIn("x", "LOG:  spawnd_warning\n").empty());
}

}  // namespace
}  // namespace spawnd::engines::postgresql
