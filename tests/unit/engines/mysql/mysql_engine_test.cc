/// What of MySQL needs no server: how it is told apart, and its commands. Its conformance suite has the rest.
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
  // The user's settings stand above what is chosen and below what is forced.
  launch.settings = {{"key_buffer_size", "1M"}, {"Event-Scheduler", "ON"}, {"lower_case_table_names", "1"}};
  launch.purpose = Purpose::kServe;
  const auto place = [](const std::vector<std::string>& argv, const std::string& word) {
    return std::find(argv.begin(), argv.end(), word) - argv.begin();
  };
  const std::vector<std::string> with = engine.StartCommand(launch).argv;
  CHECK(place(with, "--key_buffer_size=1M") > place(with, "--key-buffer-size=8M"));
  CHECK(place(with, "--key_buffer_size=1M") < place(with, "--datadir=/run/d/db"));
  CHECK(has(with, "--event_scheduler=ON"));
  CHECK(with[0] == "/run/e/bin/mysqld");
  // A second server is to run none of them before it takes over.
  CHECK_FALSE(place(with, "--event-scheduler=OFF") > place(with, "--event_scheduler=ON"));
  launch.stands_by = true;
  const std::vector<std::string> second = engine.StartCommand(launch).argv;
  const auto off = std::find(second.rbegin(), second.rend(), "--event-scheduler=OFF");
  CHECK(second.rend() - off - 1 > place(second, "--event_scheduler=ON"));
  launch.stands_by = false;
  launch.purpose = Purpose::kBuild;
  const std::vector<std::string> build = engine.StartCommand(launch).argv;
  const auto last = std::find(build.rbegin(), build.rend(), "--event-scheduler=OFF");
  CHECK(build.rend() - last - 1 > place(build, "--event_scheduler=ON"));
  // This one counts when files are made.
  CHECK(build[0] == "/bin/sh");
  CHECK(build[6].find("'--initialize-insecure'") != std::string::npos);
  CHECK(build[6].find("'--lower_case_table_names=1'") != std::string::npos);
  // For clients that know no other way to log in, where the server has it.
  for (const auto& [version, option] : std::vector<std::pair<std::string, std::string>>{
           {"5.7.44", ""},
           {"8.0.36", "--default-authentication-plugin=mysql_native_password"},
           {"8.4.2", "--authentication-policy=mysql_native_password"},
           {"9.7.4", ""}}) {
    launch.installation.version = version;
    const std::vector<std::string> argv = engine.StartCommand(launch).argv;
    const auto about = [](const std::string& word) {
      return word.find("native_password") != std::string::npos;
    };
    CHECK(std::any_of(argv.begin(), argv.end(), about) == !option.empty());
    if (!option.empty()) CHECK(has(argv, option));
  }
  const auto refused = engine.RefusedSettings();
  for (const char* name :
       {"datadir", "loose_port", "skip_grant_tables", "secure_file_priv", "skip_networking", "mysqlx_port"}) {
    CHECK(std::find(refused.begin(), refused.end(), name) != refused.end());
    CHECK_FALSE(engine.WhyRefused(name).empty());
  }
  const ConnectionStrings strings = engine.Connect({"127.0.0.1", 3307}, {"root", "pw", "a b"}, "a b", {});
  CHECK(strings.dotnet == "Server=127.0.0.1;Port=3307;User Id=root;Database=a b;Password=pw");
  CHECK(strings.jdbc == "jdbc:mysql://127.0.0.1:3307/a%20b?user=root&password=pw");
  CHECK(strings.url == "mysql://root:pw@127.0.0.1:3307/a%20b");
  CHECK(engine.Connect({"h", 1}, {"root", "pw", "restored"}, "", {}).dotnet ==
        "Server=h;Port=1;User Id=root;Database=mysql;Password=pw");
}

}  // namespace
}  // namespace spawnd::engines::mysql
