#include "engines/mssql/credentials.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "engines/mssql/mssql_engine.h"
#include "tests/support/catch.h"

namespace spawnd::engines::mssql {
namespace {

TEST_CASE("SQL Server's addresses are its clients' own forms") {
  const ConnectionStrings strings =
      MssqlEngine().Connect({"127.0.0.1", 20001}, {"sa", "W", "master"}, "", {});
  CHECK(strings.dotnet == "Data Source=127.0.0.1,20001;Initial Catalog=master;User ID=sa;Password=W");
  CHECK(strings.jdbc ==
        "jdbc:sqlserver://127.0.0.1:20001;databaseName=master;user=sa;password=W;encrypt=true;"
        "trustServerCertificate=true");
  CHECK(strings.url == "sqlserver://sa:W@127.0.0.1:20001?database=master");
  const ConnectionStrings odd = MssqlEngine().Connect({"h", 1}, {"sa", "W", "a;b}c"}, "a;b}c", {});
  CHECK(MssqlEngine()
            .Connect({"h", 1}, {"sa", "W", "Restored"}, "", {})
            .dotnet.find(";Initial Catalog=master;") != std::string::npos);
  CHECK(odd.dotnet == "Data Source=h,1;Initial Catalog=\"a;b}c\";User ID=sa;Password=W");
  CHECK(odd.jdbc.find(";databaseName={a;b}}c};") != std::string::npos);
  CHECK(odd.url == "sqlserver://sa:W@h:1?database=a%3Bb%7Dc");
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) {
    const std::string password = StrongPassword();
    CHECK(password.size() == 16);
    CHECK(
        std::any_of(password.begin(), password.end(), [](unsigned char c) { return std::isdigit(c) != 0; }));
    CHECK(
        std::any_of(password.begin(), password.end(), [](unsigned char c) { return std::isupper(c) != 0; }));
    seen.insert(password);
  }
  CHECK(seen.size() == 200);
  CHECK(MssqlEngine().MakeCredentials("").database == "master");
  CHECK(MssqlEngine().MakeCredentials("Shop").user == "sa");
  const Credentials owner = MssqlEngine().MakeOwnerCredentials("Shop");
  CHECK(owner.user == "spawn_owner");
  CHECK_FALSE(owner.superuser);
}

}  // namespace
}  // namespace spawnd::engines::mssql
