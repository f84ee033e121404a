/// Real backups, real tools, real servers.
#include <unistd.h>

#include <algorithm>

#include "base/process.h"
#include "engines/postgresql/create_database.h"
#include "engines/postgresql/restore/client_tools.h"
#include "tests/support/catch.h"
#include "tests/unit/engines/postgresql/sample_dumps.h"
#include "tests/unit/engines/restoring.h"

namespace spawnd::engines::testing {
namespace {

/// The server that the sample was made on.
TestServer& Server() {
  SampleDumps();
  return TestServer::Shared(*InstalledMajor("15"));
}

std::string Ask(const std::string& database, const std::string& sql) {
  return Query(Server().Address(), Server().Admin(), database, sql);
}

bool Mentions(const std::vector<std::string>& texts, const std::string& part) {
  return std::any_of(texts.begin(), texts.end(),
                     [&](const std::string& text) { return text.find(part) != std::string::npos; });
}

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

TEST_CASE("Every format restores into the database that is asked for") {
  const TemporaryFolder folder;
  for (const char* kind : {"plain", "clean", "inserts", "custom", "tar"}) {
    for (const bool gzip : {false, true}) {
      INFO(kind << (gzip ? " gzip" : ""));
      const std::string& dump = SampleDumps().at(kind);
      const std::string database = FreshDatabase(Server());
      const Restored restored = Restore(Server(), folder.Write("backup", gzip ? Gzip(dump) : dump), database);
      CHECK(restored.Why() == "");
      CHECK(Ask(database, kShopQuestion) == kShopAnswer);
      CHECK(Mentions(restored.warnings, "role \"shop_owner\" does not exist"));
      CHECK(Mentions(restored.warnings, "role \"shop_reader\" does not exist"));
      CHECK(restored.warnings.size() < 20);
    }
  }
}

TEST_CASE("A backup that makes its own database does") {
  const TemporaryFolder folder;
  for (const char* kind : {"create", "custom", "tar"}) {
    INFO(kind);
    const Restored restored = Restore(Server(), folder.Write("backup", SampleDumps().at(kind)), "");
    CHECK(restored.Why() == "");
    CHECK(Ask("shop", kShopQuestion) == kShopAnswer);
    CHECK(Ask("postgres", "DROP DATABASE shop").empty());
  }
}

TEST_CASE("A dump with --create finds the database that was made for it") {
  const TemporaryFolder folder;
  REQUIRE(Ask("postgres", "CREATE DATABASE shop").empty());
  const Restored restored = Restore(Server(), folder.Write("backup.sql", SampleDumps().at("create")), "shop");
  CHECK(restored.Why() == "");
  CHECK(Ask("shop", kShopQuestion) == kShopAnswer);
  CHECK(Ask("postgres", "DROP DATABASE shop").empty());
}

TEST_CASE("A whole cluster's dump brings its roles and databases") {
  const TemporaryFolder folder;
  const Restored restored = Restore(Server(), folder.Write("all.sql", SampleDumps().at("all")), "");
  CHECK(restored.Why() == "");
  CHECK(Ask("shop", kShopQuestion) == kShopAnswer);
  CHECK(Ask("shop", "SELECT tableowner FROM pg_tables WHERE tablename = 'item'") == "shop_owner");
  CHECK(Ask("postgres", "DROP DATABASE shop").empty());
  CHECK(Ask("postgres", "DROP ROLE shop_owner").empty());
  CHECK(Ask("postgres", "DROP ROLE shop_reader").empty());
}

TEST_CASE("A locale that this host lacks is replaced, with a warning") {
  const TemporaryFolder folder;
  const std::string foreign = "xx_XX.UTF-8";
  const std::string plain = Replaced(SampleDumps().at("create"), "'C.UTF-8'", "'" + foreign + "'");
  const std::string custom = [&] {
    // Same length, so that the archive's lengths still hold.
    return Replaced(SampleDumps().at("custom"), "'C.UTF-8'", "'x_XX.U8'");
  }();
  for (const auto& [dump, locale] : {std::pair{plain, foreign}, std::pair{custom, std::string("x_XX.U8")},
                                     std::pair{Gzip(custom), std::string("x_XX.U8")}}) {
    const Restored restored = Restore(Server(), folder.Write("backup", dump), "");
    CHECK(restored.Why() == "");
    CHECK(Mentions(restored.warnings, locale));
    CHECK(Ask("shop", kShopQuestion) == kShopAnswer);
    CHECK(Ask("shop", "SHOW lc_collate") == "C.UTF-8");
    CHECK(Ask("postgres", "DROP DATABASE shop").empty());
  }
}

TEST_CASE("A dump that is cut anywhere is an error that names it") {
  const TemporaryFolder folder;
  for (const char* kind : {"plain", "inserts", "custom", "tar"}) {
    const std::string& dump = SampleDumps().at(kind);
    const std::string packed = Gzip(dump);
    for (size_t tenth = 1; tenth < 10; tenth += 2) {
      INFO(kind << " cut at " << tenth << "/10");
      const std::string path =
          folder.Write("cut.dump", std::string_view(dump).substr(0, dump.size() * tenth / 10));
      const Restored restored = Restore(Server(), path, FreshDatabase(Server()));
      CHECK_FALSE(restored.Ok());
      if (!restored.Ok()) CHECK(restored.result.error().code == ErrorCode::kInvalidArgument);
      CHECK(restored.Why().find("cut.dump") != std::string::npos);
      const std::string packed_path =
          folder.Write("cut.gz", std::string_view(packed).substr(0, packed.size() * tenth / 10));
      const Restored unpacked = Restore(Server(), packed_path, FreshDatabase(Server()));
      CHECK(unpacked.Why().find("cut.gz") != std::string::npos);
    }
  }
}

TEST_CASE("A real error is told in the server's words, with its line") {
  const TemporaryFolder folder;
  const auto restore = [&](const std::string& sql) {
    return Restore(Server(), folder.Write("wrong.sql", sql), FreshDatabase(Server()));
  };
  const Restored missing = restore(
      "create table a (id int);\ninsert into a values (1);\n\ninsert into nowhere values (1);\ncreate table "
      "b (id int);\n");
  REQUIRE_FALSE(missing.Ok());
  CHECK(missing.result.error().code == ErrorCode::kInvalidArgument);
  CHECK(missing.Why().find("line 4 of") != std::string::npos);
  CHECK(missing.Why().find("wrong.sql': ERROR: relation \"nowhere\" does not exist") != std::string::npos);

  CHECK(restore("create table a (id int);\ncreate tabel b (id int);\n")
            .Why()
            .find("syntax error at or near \"tabel\"") != std::string::npos);
  const std::string data = restore("create table a (id int);\ncopy a from stdin;\n1\nx\n\\.\n").Why();
  CHECK(data.find("invalid input syntax for type integer: \"x\"") != std::string::npos);
  CHECK(data.find("COPY a, line 2") != std::string::npos);
  CHECK(restore("create table a (id int primary key);\ninsert into a values (1), (1);\n")
            .Why()
            .find("Key (id)=(1) already exists") != std::string::npos);
  // Not passed over outside the opening part of a --clean dump.
  CHECK(restore("drop table nowhere;\n").Why().find("table \"nowhere\" does not exist") != std::string::npos);
  CHECK(restore("create schema x;\ncreate schema x;\n").Why().find("schema \"x\" already exists") !=
        std::string::npos);
  // What is passed over outside of a transaction is passed over inside of one.
  const Restored inside =
      restore("begin;\ncreate table a ();\nalter table a owner to ghost;\nselect 1;\ncommit;\n");
  CHECK(inside.Why().empty());
  REQUIRE(inside.warnings.size() == 1);
  CHECK(inside.warnings[0].find("role \"ghost\" does not exist") != std::string::npos);
}

TEST_CASE("An error in an archive is told in the server's words, with its statement") {
  const TemporaryFolder folder;
  const std::string database = FreshDatabase(Server());
  REQUIRE(Ask(database, "CREATE TABLE item (nothing int)").empty());
  const std::string why =
      Restore(Server(), folder.Write("shop.dump", SampleDumps().at("custom")), database).Why();
  INFO(why);
  CHECK(why.find("shop.dump': ERROR: relation \"item\" already exists (in: CREATE TABLE public.item (") !=
        std::string::npos);
}

TEST_CASE("What a fresh server always has or lacks is no error") {
  const TemporaryFolder folder;
  const Restored restored =
      Restore(Server(), folder.Write("lenient.sql", "SET transaction_timeout_nosuch = 0;\n"),
              FreshDatabase(Server()));
  CHECK_FALSE(restored.Ok());
  const Restored lenient =
      Restore(Server(),
              folder.Write("lenient.sql",
                           "SET transaction_timeout = 0;\nSET default_tablespace = 'fast_disk';\nCREATE "
                           "SCHEMA public;\nCREATE EXTENSION plpgsql;\n"
                           "CREATE ROLE postgres;\nCREATE DATABASE postgres;\nCREATE TABLE t (id "
                           "int);\nALTER TABLE t OWNER TO ghost;\n"
                           "GRANT ALL ON t TO ghost;\nALTER DEFAULT PRIVILEGES FOR ROLE ghost GRANT SELECT "
                           "ON TABLES TO ghost;\n"
                           "INSERT INTO t VALUES (1)"),
              FreshDatabase(Server()));
  CHECK(lenient.Why() == "");
  CHECK(Mentions(lenient.warnings, "(3 times"));
}

TEST_CASE("A backup may not run programs or touch files on the host") {
  const TemporaryFolder folder;
  for (const char* command :
       {"\\! touch /tmp/spawnd-owned", "\\i /etc/passwd", "\\o /tmp/x", "\\copy t from '/etc/passwd'",
        "select 1 \\g |sh", "\\set x `id`", "\\echo a \\! id", "select 1; \\! id", "\\w /tmp/x"}) {
    INFO(command);
    const Restored restored =
        Restore(Server(), folder.Write("shell.sql", std::string("select 1;\n") + command + "\n"),
                FreshDatabase(Server()));
    CHECK_FALSE(restored.Ok());
    CHECK(restored.Why().find("line 2 of") != std::string::npos);
    CHECK(restored.Why().find("not allowed") != std::string::npos);
  }
}

/// psql on its own, with a text that no filter has seen.
void RunPsql(const std::string& path) {
  const auto psql = postgresql::FindPsql();
  REQUIRE(psql.has_value());
  SpawnOptions options;
  options.argv = {psql->path, "-X", "-w", "-q", "-v", "ON_ERROR_STOP=0", "-f", path, "-d", "postgres"};
  options.env = {"PGHOST=" + Server().Address().host,
                 "PGPORT=" + std::to_string(Server().Address().port),
                 "PGUSER=" + Server().Admin().user,
                 "PGPASSWORD=" + Server().Admin().password,
                 "LC_ALL=C",
                 "PATH=/usr/bin:/bin"};
  REQUIRE(RunAndCapture(options, std::chrono::seconds(30)).has_value());
}

TEST_CASE("In restricted mode psql runs no program of a backup, and no filter has a part in it") {
  const TemporaryFolder folder;
  const std::string owned = folder.Path() + "/owned";
  const std::string run = "\\! touch " + owned + "\n";
  const std::vector<std::string> ways{
      run,
      "\\set x '\\\\! touch " + owned + "'\n:x\n",
      "SELECT E'\\\\! touch " + owned + "' AS x \\gset\n:x\n",
      "\\if false\nCOPY nowhere FROM stdin;\n\\endif\n" + run + "SELECT $$\n\\.\n$$; --$$\n",
      "COPY nowhere FROM stdin;\n" + run + "\\.\n",
      "SELECT 1 \\; COPY pg_class FROM stdin;\n'\n\\.\n" + run + "-- '\n",
      "SET standard_conforming_strings = off;\nRESET standard_conforming_strings;\nSELECT '\\'; " + run +
          "--'\n",
      "BEGIN;\nSET standard_conforming_strings = off;\nROLLBACK;\nSELECT '\\'; " + run + "--'\n",
      "\\set y `touch " + owned + "`\n",
      "\\echo `touch " + owned + "`\n",
      "\\copy (select 1) to program 'touch " + owned + "'\n",
      "\\copy (select 1) to '" + owned + "'\n",
      "\\o " + owned + "\nselect 1;\n",
      "\\o |touch " + owned + "\nselect 1;\n",
      "select 1\n\\w " + owned + "\n",
      "select 1 \\g " + owned + "\n",
      "select 1 \\g |touch " + owned + "\n",
      "select 1 \\gx |touch " + owned + "\n",
      "\\setenv PSQL_EDITOR 'touch " + owned + ";'\n\\e\n",
      "\\s " + owned + "\n",
      "\\lo_export 1 " + owned + "\n",
      "\\connect nosuchdatabase\n" + run,
      "\\unrestrict a\n" + run,
      "\\unrestrict\n" + run,
      "\\restrict b\n\\unrestrict b\n" + run,
      "\\unrestrict :x\n" + run,
      std::string("SELECT 1; \0'\n", 13) + run};
  for (const std::string& way : ways) {
    INFO(way);
    RunPsql(folder.Write("hostile.sql", "\\restrict aGoodKey\n" + way));
    CHECK(::access(owned.c_str(), F_OK) != 0);
    ::unlink(owned.c_str());
  }
  // And without it, these are ways indeed.
  for (size_t i = 0; i < 10; ++i) {
    INFO(ways[i]);
    RunPsql(folder.Write("hostile.sql", ways[i]));
    CHECK(::access(owned.c_str(), F_OK) == 0);
    ::unlink(owned.c_str());
  }
}

TEST_CASE("A dump goes from database to database under its own walls") {
  const TemporaryFolder folder;
  const Restored restored =
      Restore(Server(),
              folder.Write("all.sql",
                           "CREATE DATABASE \"It's \\ one\";\n"
                           "\\connect -reuse-previous=on \"dbname='It\\'s \\\\ one'\"\n"
                           "CREATE TABLE t AS SELECT 1 AS a;\n\\c postgres\n"
                           "CREATE TABLE u ();\nDROP TABLE u;\nCREATE TABLE u (a nosuchtype);\n"),
              "");
  CHECK(restored.Why().find("line 7 of") != std::string::npos);
  CHECK(Ask("It's \\ one", "SELECT a FROM t") == "1");
  CHECK(Ask("postgres", "DROP DATABASE \"It's \\ one\"").empty());
}

TEST_CASE("What is no backup of PostgreSQL is named") {
  const TemporaryFolder folder;
  std::string noise(100000, '\0');
  for (size_t i = 0; i < noise.size(); ++i) noise[i] = static_cast<char>((i * 2654435761U) >> 13U);
  const std::vector<std::pair<std::string, std::string>> wrong{{"", "empty"},
                                                               {Gzip(""), "empty"},
                                                               {noise, "neither SQL text"},
                                                               {"-- MySQL dump 10.13\n", "MySQL"},
                                                               {std::string("TAPE\0\0", 6), "SQL Server"},
                                                               {"PK\x03\x04zip", "zip"},
                                                               {"\x28\xb5\x2f\xfd", "zstd"},
                                                               {"PGDMP\x01", "truncated"}};
  for (const auto& [content, word] : wrong) {
    INFO(word);
    const Restored restored = Restore(Server(), folder.Write("wrong.bak", content), "");
    REQUIRE_FALSE(restored.Ok());
    CHECK(restored.result.error().code == ErrorCode::kInvalidArgument);
    CHECK(restored.Why().find(word) != std::string::npos);
    CHECK(restored.Why().find("wrong.bak") != std::string::npos);
  }
}

TEST_CASE("An archive of a newer pg_dump says what is here and what to install") {
  const TemporaryFolder folder;
  std::string newer = SampleDumps().at("custom");
  newer[6] = 16;
  newer.erase(11, 5);
  newer.insert(11, 1, '\1');  // from 1.15 on one byte for the compression
  const Restored restored = Restore(Server(), folder.Write("newer.dump", newer), "");
  REQUIRE_FALSE(restored.Ok());
  CHECK(restored.result.error().code == ErrorCode::kUnsupported);
  CHECK(restored.Why().find("archive format 1.16") != std::string::npos);
  CHECK(restored.Why().find("postgresql-client-17") != std::string::npos);
}

TEST_CASE("The sample of the world restores on every installed version from its own on") {
  const char* path = "/work/shared/data/pagila.sql.gz";
  if (::access(path, R_OK) != 0) {
    WARN("skipped: " << path << " is not here");
    return;
  }
  for (const Installation& installation : Installed()) {
    if (Postgresql().MajorVersion(installation.version) == "10") continue;  // partitioned keys came with 11
    INFO(installation.version);
    TestServer& server = TestServer::Shared(installation);
    const Restored restored = Restore(server, path, "");
    CHECK(restored.Why() == "");
    CHECK(Mentions(restored.warnings, "pagila_admin"));
    CHECK(Mentions(restored.warnings, "en_US.UTF-8") != postgresql::LocaleExists("en_US.UTF-8"));
    CHECK(Query(server.Address(), server.Admin(), "pagila", "SELECT count(*) FROM film") == "1000");
    CHECK(Query(server.Address(), server.Admin(), "postgres", "DROP DATABASE pagila").empty());
  }
}

}  // namespace
}  // namespace spawnd::engines::testing
