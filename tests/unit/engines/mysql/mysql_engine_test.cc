/// What of MySQL needs no server, which cannot be had everywhere: how it is told apart, and its commands.
#include "engines/mysql/mysql_engine.h"

#include <algorithm>

#include "engines/registry.h"
#include "tests/support/catch.h"

namespace spawnd::engines::mysql {
namespace {

TEST_CASE("MySQL's versions and commands") {
  const auto& product = MysqlProduct();
  CHECK(product.version_of(
            "/usr/sbin/mysqld  Ver 8.0.36 for Linux on x86_64 (MySQL Community Server - GPL)") == "8.0.36");
  CHECK(product.version_of("mysqld  Ver 10.11.19-MariaDB for Linux").empty());
  const Engine& engine = **FindEngine("mysql");
  const Paths paths{"/run/e", "/run/d", "/run/s", "/run/c", "/run/k", "/run/set"};
  Launch launch{{"mysql", "8.0.36", "/nonexistent"},
                paths,
                {"127.0.0.1", 3307},
                engine.MakeCredentials(""),
                Purpose::kServe};
  const std::vector<std::string> start = engine.StartCommand(launch).argv;
  CHECK(start[0] == "/run/e/bin/mysqld");
  CHECK(start[1] == "--no-defaults");
  const auto has = [](const std::vector<std::string>& argv, const std::string& word) {
    return std::find(argv.begin(), argv.end(), word) != argv.end();
  };
  for (const char* option : {"--mysqlx=OFF", "--secure-file-priv=NULL", "--port=3307",
                             "--bind-address=127.0.0.1", "--datadir=/run/d/db"}) {
    CHECK(has(start, option));
  }
  CHECK_FALSE(has(start, "--innodb-doublewrite=OFF"));
  // A package's server looks for the folder that is compiled in when it initialises, too.
  for (const char* option : {"--initialize-insecure", "--secure-file-priv=NULL"})
    CHECK(has(engine.InitialiseCommand(launch).argv, option));
  launch.purpose = Purpose::kBuild;
  CHECK(has(engine.StartCommand(launch).argv, "--innodb-doublewrite=OFF"));
  const ConnectionStrings strings = engine.Connect({"127.0.0.1", 3307}, {"root", "pw", "a b"}, "a b", {});
  CHECK(strings.dotnet == "Server=127.0.0.1;Port=3307;User Id=root;Database=a b;Password=pw");
  CHECK(strings.jdbc == "jdbc:mysql://127.0.0.1:3307/a%20b?user=root&password=pw");
  CHECK(strings.url == "mysql://root:pw@127.0.0.1:3307/a%20b");
  CHECK(engine.Connect({"h", 1}, {"root", "pw", "restored"}, "", {}).dotnet ==
        "Server=h;Port=1;User Id=root;Database=mysql;Password=pw");
}

}  // namespace
}  // namespace spawnd::engines::mysql
