/// What an image remembers of libraries: as text and back, and what an installation has of them.
#include "engines/used_library.h"

#include <sys/stat.h>

#include <fstream>

#include "engines/registry.h"
#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::engines {
namespace {

TEST_CASE("a library is a line of text and back, and nothing else is one") {
  for (const UsedLibrary& library : {UsedLibrary{"pg_trgm", "1.6", "$libdir/pg_trgm"},
                                     UsedLibrary{"hstore", "", "$libdir/hstore"}, UsedLibrary{"x", "", ""}}) {
    CHECK(UsedLibraryFrom(TextOf(library)) == library);
  }
  for (const char* text :
       {"", "\t\t", "pg_trgm", "pg_trgm\t1.6", "\t1\tx", "a\nb\t1\tx", "a\t1\tx\x1b[2J", "a\t1\tx\t"}) {
    INFO(text);
    CHECK(!UsedLibraryFrom(text));
  }
  CHECK(!UsedLibraryFrom(std::string(1000, 'x') + "\t\t"));
}

TEST_CASE("what an installation has not is missing, and nothing is where it cannot be told") {
  const ScratchDirectory scratch;
  const auto engine = FindEngine("postgresql");
  REQUIRE(engine);
  const Installation installation{"postgresql", "15.20", scratch.Path()};
  const std::vector<UsedLibrary> used{{"pg_trgm", "1.6", "$libdir/pg_trgm"},
                                      {"versioned", "2", "$libdir/versioned-2.1"},
                                      {"elsewhere", "", "/opt/x.so"}};
  CHECK((*engine)->MissingLibraries(installation, used).empty());
  for (const char* folder : {"/lib", "/lib/postgresql"}) {
    REQUIRE(::mkdir((scratch.Path() + folder).c_str(), 0755) == 0);
  }
  const auto put = [&](const std::string& name) {
    std::ofstream(scratch.Path() + "/lib/postgresql/" + name) << "x" << std::flush;
  };
  put("plpgsql.so");
  put("versioned-2.1.so");
  const auto missing = (*engine)->MissingLibraries(installation, used);
  REQUIRE(missing.size() == 1);
  CHECK(missing.front().used.name == "pg_trgm");
  CHECK(missing.front().hint.empty());
  put("pg_trgm.so");
  CHECK((*engine)->MissingLibraries(installation, used).empty());
}

}  // namespace
}  // namespace spawnd::engines
