#include "engines/postgresql/restore/psql_command.h"

#include "tests/support/catch.h"

namespace spawnd::engines::postgresql {
namespace {

TEST_CASE("What pg_dump and careful people write is allowed") {
  for (const char* text :
       {"\\connect pagila\n", "\\connect -reuse-previous=on \"dbname='we''ird \\\\ name'\"\n", "\\c x",
        "\\restrict abcDEF123\n", "\\unrestrict abcDEF123\n", "\\.\n", "\\encoding UTF8",
        "\\set ON_ERROR_STOP on\r\n", "\\gset", "\\gexec\n", "\\g (format=csv)\n",
        "\\echo 'a \\! b' \\\\ select 1", "\\dt+ public.*", "\\if :x \\echo y \\endif", "\\pset pager off"}) {
    INFO(text);
    CHECK(CheckPsqlCommands(text).has_value());
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
                           "\\set x `id`",
                           "\\echo `id`",
                           "\\echo a\\! id",
                           "\\pset pager \\i x",
                           "\\echo \"a\" \\i x"}) {
    INFO(text);
    const auto checked = CheckPsqlCommands(text);
    REQUIRE_FALSE(checked.has_value());
    CHECK(checked.error().code == ErrorCode::kInvalidArgument);
    CHECK_FALSE(checked.error().hint.empty());
  }
}

TEST_CASE("Commands that end the statement before them") {
  CHECK(EndsStatement("\\gset x_\n"));
  CHECK(EndsStatement("\\echo a \\g\n"));
  CHECK_FALSE(EndsStatement("\\echo \\set g 1\n"));
}

}  // namespace
}  // namespace spawnd::engines::postgresql
