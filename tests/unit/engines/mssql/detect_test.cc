#include "engines/mssql/detect.h"

#include <sys/stat.h>

#include "engines/mssql/mssql_engine.h"
#include "engines/registry.h"
#include "tests/support/catch.h"
#include "tests/support/direct_run.h"
#include "tests/unit/engines/test_server.h"

namespace spawnd::engines::mssql {
namespace {

using testing::TemporaryFolder;

TEST_CASE("SQL Server's versions are years and numbers") {
  CHECK(ParseVersionOutput("Microsoft (R) SQL Server (R) version 16.0.4135.4\nCopyright 2022\n") ==
        "16.0.4135.4");
  CHECK(ParseVersionOutput("sqlservr 15.0.2000") == "15.0.2000");
  CHECK(ParseVersionOutput("Microsoft SQL Server 2019 (RTM) - 15.0.2000.5 (X64)") == "15.0.2000.5");
  CHECK(ParseVersionOutput("Redis server v=7.0.15").empty());
  CHECK(ParseVersionOutput("SQL Server 2022").empty());
  for (const char* wanted : {"2022", "16", "16.0", "16.0.1", "2022.0"})
    CHECK(MssqlEngine().Satisfies("16.0.4135.4", wanted));
  for (const char* wanted : {"2019", "15", "", "1", "20"})
    CHECK_FALSE(MssqlEngine().Satisfies("16.0.4135.4", wanted));
  CHECK(MssqlEngine().MajorVersion("16.0.4135.4") == "16");
  CHECK(MssqlEngine().DisplayName() == "MSSQL");
  for (const char* name : {"mssql", "SqlServer", "sql-server"}) CHECK((*FindEngine(name))->Name() == "mssql");
}

TEST_CASE("A folder that looks like SQL Server and does not run says why") {
  const TemporaryFolder folder;
  REQUIRE(::mkdir((folder.Path() + "/bin").c_str(), 0755) == 0);
  const std::string server =
      folder.Write("bin/sqlservr", "#!/bin/sh\necho 'libsss.so: cannot open shared object' >&2\nexit 127\n");
  const auto problem_of = [&] {
    for (const Installation& one : MssqlEngine().Detect({folder.Path()}, spawnd::testing::RunDirectly)) {
      if (one.root == folder.Path()) return one.version + "|" + one.problem;
    }
    return std::string("not found");
  };
  CHECK(problem_of().find("is not executable") != std::string::npos);
  REQUIRE(::chmod(server.c_str(), 0755) == 0);
  CHECK(problem_of() == "|libsss.so: cannot open shared object");
  folder.Write("bin/sqlservr",
               "#!/bin/sh\n[ \"$1\" = -v ] && echo 'Microsoft (R) SQL Server (R) version 13.0.1.2'\n");
  REQUIRE(::chmod(server.c_str(), 0755) == 0);
  CHECK(problem_of() == "13.0.1.2|it is older than SQL Server 2017");
  folder.Write("bin/sqlservr",
               "#!/bin/sh\n[ \"$1\" = -v ] && echo 'Microsoft (R) SQL Server (R) version 16.0.1.2'\n");
  REQUIRE(::chmod(server.c_str(), 0755) == 0);
  CHECK(problem_of() == "16.0.1.2|");
}

}  // namespace
}  // namespace spawnd::engines::mssql
