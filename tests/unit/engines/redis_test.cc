/// What the Redis engine knows without a server: names, versions, files, addresses, last words.
#include <random>
#include <vector>

#include "engines/redis/database_number.h"
#include "engines/redis/detect.h"
#include "engines/redis/rdb_header.h"
#include "engines/redis/redis_engine.h"
#include "engines/redis/script_session.h"
#include "engines/registry.h"
#include "tests/support/catch.h"

namespace spawnd::engines::redis {
namespace {

TEST_CASE("Redis and Valkey say their versions") {
  CHECK(ParseVersionOutput(
            "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=ae4d\n") == "7.0.15");
  CHECK(ParseVersionOutput("Valkey server v=8.1.1 sha=00000000:0 malloc=libc bits=64 build=0\n") == "8.1.1");
  CHECK(ParseVersionOutput("redis-check-rdb 7.0.15\n").empty());
  CHECK(ParseVersionOutput("").empty());
}

TEST_CASE("Redis data goes up within a major version, never down") {
  CHECK(RedisEngine().MajorVersion("7.0.15") == "7.0");
  CHECK(RedisEngine().MajorVersion("7.0") == "7.0");
  CHECK(RedisEngine().MajorVersion("7") == "7");
  CHECK(RedisEngine().Satisfies("7.0.15", "7"));
  CHECK(RedisEngine().Satisfies("7.0.15", "7.0"));
  CHECK(RedisEngine().Satisfies("7.2.4", "7.0.15"));
  CHECK_FALSE(RedisEngine().Satisfies("7.0.15", "7.2"));
  CHECK_FALSE(RedisEngine().Satisfies("7.0.15", "6"));
  CHECK_FALSE(RedisEngine().Satisfies("7.0.15", ""));
}

TEST_CASE("Redis and Valkey are one engine") {
  for (const char* name : {"redis", "Redis", "valkey"}) CHECK((*FindEngine(name))->Name() == "redis");
}

TEST_CASE("Redis's addresses have a password and a number") {
  Credentials credentials = RedisEngine().MakeCredentials("");
  CHECK(credentials.user.empty());
  CHECK(credentials.password.size() == 16);
  CHECK(credentials.database == "0");
  CHECK(RedisEngine().MakeCredentials("3").database == "3");
  CHECK(RedisEngine().MakeCredentials("shop").database == "0");
  credentials.password = "W";
  const ConnectionStrings strings = RedisEngine().Connect({"127.0.0.1", 20001}, credentials, "");
  CHECK(strings.dotnet == "redis://:W@127.0.0.1:20001/0");
  CHECK(strings.url == strings.dotnet);
  CHECK(strings.jdbc == "jdbc:redis://:W@127.0.0.1:20001/0");
  CHECK(RedisEngine().Connect({"::1", 1}, credentials, "").url == "redis://:W@[::1]:1/0");
  CHECK(RedisEngine().Connect({"h", 1}, credentials, "3").dotnet == "redis://:W@h:1/3");
  CHECK(RedisEngine().Connect({"h", 1}, credentials, "shop").dotnet == "redis://:W@h:1/0");
  for (const char* number : {"0", "15", "999999"}) CHECK(IsDatabaseNumber(number));
  for (const char* other : {"", "-1", "01", "1000000", "1x", " 1"}) CHECK_FALSE(IsDatabaseNumber(other));
}

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
       {R"(bind "127.0.0.1")", R"(port "20001")", R"(unixsocket "/s/redis.sock")", R"(unixsocketperm "700")",
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
  const Command start = RedisEngine().StartCommand(launch);
  CHECK(start.argv.front() == "/bin/sh");
  CHECK(start.argv.back() == "/settings/spawnd.conf");
  for (const std::string& argument : start.argv)
    CHECK(argument.find(launch.credentials.password) == std::string::npos);
}

std::string Header(const std::string& start, const std::string& field, const std::string& version) {
  return start + '\xFA' + static_cast<char>(field.size()) + field + static_cast<char>(version.size()) +
         version;
}

TEST_CASE("A snapshot is recognised by how it begins and ends") {
  const auto seven = ReadRdbHeader(Header("REDIS0010", "redis-ver", "7.0.15"));
  REQUIRE(seven);
  CHECK(seven->version == 10);
  CHECK(seven->server_version == "7.0.15");
  const auto valkey = ReadRdbHeader(Header("VALKEY080", "valkey-ver", "9.0.0"));
  REQUIRE(valkey);
  CHECK(valkey->version == 80);
  CHECK(valkey->server_version == "9.0.0");
  CHECK(ReadRdbHeader("REDIS0003")->server_version.empty());
  CHECK(ReadRdbHeader("REDIS0009\xFA")->server_version.empty());
  CHECK(ReadRdbHeader("REDIS0009\xFA\x09redis-ver\x06"
                      "7.0")
            ->server_version.empty());
  for (const char* other : {"", "REDIS", "REDIS001", "REDIS00x0", "redis0009", "PGDMP", "VALKEY08"}) {
    INFO(other);
    CHECK_FALSE(ReadRdbHeader(other));
  }
  CHECK(EndsWhole(*seven,
                  "\xFF"
                  "12345678"));
  CHECK_FALSE(EndsWhole(*seven, "123456789"));
  CHECK_FALSE(EndsWhole(*seven, "\xFF"));
  CHECK(EndsWhole(*ReadRdbHeader("REDIS0003"), "\xFF"));
}

TEST_CASE("Whatever stands in a snapshot's beginning is read within its bounds") {
  std::mt19937 random(20261125);
  for (int round = 0; round < 5000; ++round) {
    std::string bytes = random() % 2 == 0 ? "REDIS0009\xFA" : "VALKEY080\xFA";
    for (auto left = random() % 24; left > 0; --left) bytes += static_cast<char>(random());
    bytes.resize(random() % (bytes.size() + 1));
    const std::vector<char> exact(bytes.begin(), bytes.end());  // ends where the sanitizer looks
    const auto header = ReadRdbHeader({exact.data(), exact.size()});
    CHECK(header.has_value() == (bytes.size() >= 9));
  }
}

TEST_CASE("Which snapshots a server reads") {
  CHECK(NewestRdbOf("6.2.7") == 9);
  CHECK(NewestRdbOf("7.0.15") == 10);
  CHECK(NewestRdbOf("7.2.4") == 11);
  CHECK(NewestRdbOf("7.4.0") == 12);
  CHECK(NewestRdbOf("8.1.1") == 0);
  CHECK(NewestRdbOf("3.2") == 0);
}

TEST_CASE("Redis's last words are explained") {
  const Endpoint at{"127.0.0.1", 20001};
  const auto explain = [&](const std::string& log) { return RedisEngine().ExplainExit(log, at); };
  const Error taken = explain(
      "9:M 25 Nov 2026 18:58:43.004 # Warning: Could not create server TCP listening socket 127.0.0.1:20001: "
      "bind: "
      "Address already in use\n9:M 25 Nov 2026 18:58:43.004 # Failed listening on port 20001 (TCP), "
      "aborting.\n");
  CHECK(taken.code == ErrorCode::kInUse);
  CHECK(taken.message == "port 20001 of 127.0.0.1 is in use by another program");
  const Error newer = explain("9:M 25 Nov 2026 18:58:43.004 # Can't handle RDB format version 12\nx\n");
  CHECK(newer.code == ErrorCode::kUnsupported);
  CHECK(newer.message == "the server ended: Can't handle RDB format version 12");
  CHECK_FALSE(newer.hint.empty());
  CHECK(explain("9:M 1 # Wrong RDB checksum expected: (1) but got (2). Aborting now.\n").code ==
        ErrorCode::kCorrupt);
  CHECK(explain("x # Error: write error: No space left on device").code == ErrorCode::kNoSpace);
  CHECK(explain("").message == "the server ended without a word");
  CHECK(explain("9:M 25 Nov 2026 18:58:43.016 * Ready to accept connections\n").message ==
        "the server ended without saying why");
  CHECK(explain("something else\n").message == "the server ended: something else");
}

/// What redis-cli gets for a script, and the random name in it as "M".
Result<std::string> Filtered(const std::string& script, ScriptSession& session) {
  TRY_ASSIGN(std::string out, session.FilterInput(script, true));
  const size_t at = out.find("ECHO spawnd-");
  if (at == std::string::npos) return out;
  const std::string marker = out.substr(at + 5, 16);
  for (size_t i = out.find(marker); i != std::string::npos; i = out.find(marker))
    out.replace(i, marker.size(), "M");
  return out;
}

TEST_CASE("Every command of a script is followed by its line's number") {
  ScriptSession session("seed.redis", false);
  CHECK(*Filtered("# first\n\nSET a 1\r\n  MULTI\nSET b 2\nexec\n get a", session) ==
        "SET a 1\nECHO M3\nMULTI\nSET b 2\nexec\nECHO M6\nget a\nECHO M7\n");
}

TEST_CASE("What is no command of the server is refused, with its line") {
  for (const char* line : {"connect 10.0.0.1 6379", "CONNECT h 1", "\"connect\" h 1", "quit", "5 INCR a",
                           ":set hints", "? set", "help", "MONITOR", "subscribe x", "HELLO 3"}) {
    INFO(line);
    ScriptSession session("seed.redis", false);
    const auto refused = session.FilterInput(std::string("SET a 1\n") + line + "\n", true);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == ErrorCode::kInvalidArgument);
    CHECK(refused.error().message.find("line 2 of seed.redis") != std::string::npos);
  }
  ScriptSession open("seed.redis", false);
  CHECK_FALSE(open.FilterInput("MULTI\nSET a 1\n", true).has_value());
  ScriptSession zero("seed.redis", false);
  CHECK_FALSE(zero.FilterInput(std::string("SET a \0\n", 8), true).has_value());
}

TEST_CASE("An error that redis-cli passes over ends a script, and names its line") {
  ScriptSession session("seed.redis", false);
  const std::string out = *session.FilterInput("SET a 1\nMULTI\nSET b 2\nBAD\nEXEC\n", true);
  const std::string marker = out.substr(out.find("spawnd-"), 16);
  REQUIRE(session.OnToolMessage("OK").has_value());
  REQUIRE(session.OnToolMessage("\"" + marker + "1\"").has_value());
  REQUIRE(session.OnToolMessage("OK").has_value());
  REQUIRE(session.OnToolMessage("QUEUED").has_value());
  const auto error = session.OnToolMessage("(error) ERR unknown command 'BAD'");
  REQUIRE_FALSE(error.has_value());
  CHECK(error.error().message == "line 4 of seed.redis: ERR unknown command 'BAD'");
  CHECK(session.OnToolMessage("1) \"a string with (error) in it\"").has_value());
  CHECK_FALSE(session.OnToolMessage("2) (error) WRONGTYPE x").has_value());
  CHECK_FALSE(session.OnToolExit(0).has_value());
}

}  // namespace
}  // namespace spawnd::engines::redis
