#include "engines/redis/redis_engine.h"
#include "tests/support/catch.h"

namespace spawnd::engines::redis {
namespace {

Launch Example() {
  Launch launch;
  launch.paths = {"/e", "/v/data", "/s", "/t/crt", "/t/key", "/settings"};
  launch.endpoint = {"127.0.0.1", 20001};
  launch.credentials.password = R"(a"b\c)";
  return launch;
}

bool Holds(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST_CASE("What a Redis container rests on is said last and anew at every start") {
  Launch launch = Example();
  const auto settings = [&launch] {
    const std::vector<SettingsFile> files = RedisEngine().SettingsFiles(launch);
    REQUIRE(files.size() == 1);
    CHECK(files[0].name == "spawnd.conf");
    return files[0].content;
  };
  const std::string text = settings();
  for (const char* line :
       {"bind 127.0.0.1", R"(port "20001")", R"(unixsocket "/s/redis.sock")", R"(unixsocketperm "700")",
        R"(requirepass "a\"b\\c")", R"(dir "/v/data")", R"(appendonly "yes")", R"(appendfsync "everysec")",
        R"(logfile "")", R"(daemonize "no")", R"(protected-mode "yes")"}) {
    INFO(line);
    CHECK(Holds(text, line));
  }
  CHECK_FALSE(Holds(text, "replicaof no one"));
  launch.durable = true;
  launch.purpose = Purpose::kBuild;
  CHECK(Holds(settings(), R"(appendfsync "always")"));
  CHECK(Holds(settings(), "replicaof no one"));
  launch.require_tls = true;
  launch.paths.tls_key = "/t/server.key";
  for (const char* line : {R"(port "0")", R"(tls-port "20001")", R"(tls-key-file "/t/server.key")"}) {
    INFO(line);
    CHECK(Holds(settings(), line));
  }
  const Command start = RedisEngine().StartCommand(launch);
  CHECK(start.argv.front() == "/bin/sh");
  CHECK(start.argv.back() == "/settings/spawnd.conf");
  for (const std::string& argument : start.argv)
    CHECK(argument.find(launch.credentials.password) == std::string::npos);
}

}  // namespace
}  // namespace spawnd::engines::redis
