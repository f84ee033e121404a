#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/process.h"
#include "engines/mssql/mssql_engine.h"
#include "tests/support/catch.h"
#include "tests/unit/engines/mssql/example.h"
#include "tests/unit/engines/test_server.h"

namespace spawnd::engines::mssql {
namespace {

using testing::TemporaryFolder;

TEST_CASE("SQL Server gets its places, its port and sa's password from its environment") {
  Launch launch = Example();
  const Command setup = MssqlEngine().InitialiseCommand(launch);
  CHECK(setup.argv == std::vector<std::string>{"/opt/mssql/bin/sqlservr", "--accept-eula", "--setup",
                                               "--reset-sa-password"});
  const Command serve = MssqlEngine().StartCommand(launch);
  CHECK(serve.argv ==
        std::vector<std::string>{"/opt/mssql/bin/sqlservr", "--accept-eula", "--reset-sa-password"});
  for (const Command& command : {setup, serve}) {
    for (const char* setting :
         {"ACCEPT_EULA=Y", "MSSQL_SA_PASSWORD=Secret1234567890", "MSSQL_TCP_PORT=20001",
          "MSSQL_IP_ADDRESS=127.0.0.1", "MSSQL_MEMORY_LIMIT_MB=2048", "MSSQL_DATA_DIR=/var/opt/mssql/data",
          "MSSQL_BACKUP_DIR=/var/opt/mssql/backup", "HOME=/var/opt/mssql"}) {
      INFO(setting);
      CHECK(Has(command.env, setting));
    }
    for (const std::string& word : command.argv) CHECK(word.find("Secret") == std::string::npos);
  }
  const std::vector<Bind> places = MssqlEngine().Binds(launch);
  REQUIRE(places.size() == 2);
  CHECK((places[0].from == "/e" && places[0].to == "/opt/mssql"));
  CHECK((places[1].from == "/v/data" && places[1].to == "/var/opt/mssql"));
}

TEST_CASE("What a build placed is gone when its server has stopped") {
  Launch launch = Example();
  launch.purpose = Purpose::kBuild;
  Command build = MssqlEngine().StartCommand(launch);
  REQUIRE(build.argv[0] == "/bin/sh");
  CHECK(build.argv[4] == "/var/opt/mssql/spawnd-restore");
  // The same script around a program that is here: it gets the signal, and its exit code comes back.
  const TemporaryFolder folder;
  REQUIRE(::mkdir((folder.Path() + "/placed").c_str(), 0755) == 0);
  folder.Write("placed/x.bak", "TAPE");
  SpawnOptions options;
  options.argv = {
      build.argv[0],
      build.argv[1],
      build.argv[2],
      build.argv[3],
      folder.Path() + "/placed",
      "/bin/sh",
      "-c",
      "trap 'sleep 0.1; exit 7' TERM; echo up >" + folder.Path() + "/up; while :; do sleep 0.01; done"};
  const auto pid = Spawn(options);
  REQUIRE(pid.has_value());
  for (int i = 0; i < 500 && ::access((folder.Path() + "/up").c_str(), F_OK) != 0; ++i) ::usleep(10'000);
  CHECK(::access((folder.Path() + "/placed/x.bak").c_str(), F_OK) == 0);
  ::kill(*pid, SIGTERM);
  CHECK(WaitForExit(*pid) == 7);
  CHECK(::access((folder.Path() + "/placed").c_str(), F_OK) != 0);
}

}  // namespace
}  // namespace spawnd::engines::mssql
