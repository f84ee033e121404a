#include "engines/postgresql/restore/psql_command.h"

#include "tests/support/catch.h"

namespace spawnd::engines::postgresql {
namespace {

TEST_CASE("What careful people write is allowed in a script") {
  for (const char* text :
       {"\\connect pagila\n", "\\connect -reuse-previous=on \"dbname='we\\'ird \\\\ name'\"\n", "\\c x",
        "\\restrict abcDEF123\n", "\\unrestrict abcDEF123\n", "\\.\n", "\\encoding UTF8",
        "\\set ON_ERROR_STOP on\r\n", "\\gset", "\\gexec\n", "\\g (format=csv)\n",
        "\\echo 'a \\! b' \\\\ select 1", "\\dt+ public.*", "\\if :x \\echo y \\endif", "\\pset pager off"}) {
    INFO(text);
    CHECK(CheckScriptCommands(text).has_value());
  }
}

TEST_CASE("What reaches the host is not") {
  for (const char* text : {"\\! id",
                           "\\!id",
                           "\\i x",
                           "\\ir x",
                           "\\include x",
                           "\\copy t from x",
                           "\\o x",
                           "\\out |sh",
                           "\\w x",
                           "\\g x",
                           "\\g |sh",
                           "\\g (format=csv) x",
                           "\\gx x",
                           "\\cd /",
                           "\\setenv A b",
                           "\\getenv a B",
                           "\\password",
                           "\\prompt x",
                           "\\e",
                           "\\edit",
                           "\\ef f",
                           "\\lo_import x",
                           "\\lo_export 1 x",
                           "\\s x",
                           "\\watch 1",
                           "\\c host=x",
                           "\\connect a b c d",
                           "\\set x `id`",
                           "\\echo `id`",
                           "\\echo a\\! id",
                           "\\pset pager \\i x",
                           "\\echo \"a\" \\i x"}) {
    INFO(text);
    const auto checked = CheckScriptCommands(text);
    REQUIRE_FALSE(checked.has_value());
    CHECK(checked.error().code == ErrorCode::kInvalidArgument);
    CHECK_FALSE(checked.error().hint.empty());
  }
}

std::string Database(std::string_view text) {
  const auto read = ReadBackupCommand(text);
  if (!read) return "refused";
  return read->kind == BackupCommand::Kind::kConnect ? read->database : "no connect";
}

TEST_CASE("A backup connects to a database by its name, whatever the name") {
  CHECK(Database("\\connect pagila\n") == "pagila");
  CHECK(Database("\\c \"Two Words\"\r\n") == "Two Words");
  CHECK(Database("\\c 'it''s'") == "it's");
  CHECK(Database("\\connect \"a \"\"b\"\"\"") == "a \"b\"");
  // As it is sent on, it is read again.
  for (const char* name : {"pagila", "a b", "it's", "back\\slash", "\"quoted\"", "host=x", "postgres://x",
                           "\\! id", "`id`", ":x", "-", "ünï"}) {
    INFO(name);
    CHECK(Database(ConnectCommand(name)) == name);
  }
}

TEST_CASE("A backup has no other commands") {
  for (const char* text : {"\\connect",
                           "\\connect -",
                           "\\connect a b",
                           "\\connect - user",
                           "\\connect host=127.0.0.1",
                           "\\connect \"host=127.0.0.1 port=1\"",
                           "\\c postgresql://x/y",
                           "\\c 'postgres://x'",
                           "\\c a\\! id",
                           "\\c `id`",
                           "\\c :x",
                           "\\c \"unfinished",
                           "\\connect -reuse-previous=on \"host=x\"",
                           "\\connect -reuse-previous=on \"dbname='a' host=x\"",
                           "\\connect -reuse-previous=on \"dbname='a\"",
                           "\\connect -reuse-previous=off \"dbname='a'\"",
                           "\\connect -reuse-previous=on \"dbname='a'\" b",
                           "\\set x 1",
                           "\\if false",
                           "\\! id",
                           "\\i x",
                           "\\gexec",
                           "\\restrict a \\! id",
                           "\\",
                           "\\. \\! id"}) {
    INFO(text);
    CHECK(Database(text) == "refused");
  }
  CHECK(Database("\\restrict abcDEF123\n") == "no connect");
  CHECK(Database("\\unrestrict abcDEF123\n") == "no connect");
  CHECK(Database("\\.\r\n") == "no connect");
}

TEST_CASE("Commands that end the statement before them") {
  CHECK(EndsStatement("\\gset x_\n"));
  CHECK(EndsStatement("\\echo a \\g\n"));
  CHECK_FALSE(EndsStatement("\\echo \\set g 1\n"));
}

}  // namespace
}  // namespace spawnd::engines::postgresql
