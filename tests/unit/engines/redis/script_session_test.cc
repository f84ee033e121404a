#include "engines/redis/script_session.h"

#include "tests/support/catch.h"

namespace spawnd::engines::redis {
namespace {

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
  ScriptSession session("seed.redis");
  CHECK(*Filtered("# first\n\nSET a 1\r\n  MULTI\nSET b 2\nexec\n get a", session) ==
        "SET a 1\nECHO M3\nMULTI\nSET b 2\nexec\nECHO M6\nget a\nECHO M7\n");
}

TEST_CASE("What is no command of the server is refused, with its line") {
  for (const char* line : {"connect 10.0.0.1 6379",
                           "CONNECT h 1",
                           "\"connect\" h 1",
                           "quit",
                           "5 INCR a",
                           ":set hints",
                           "? set",
                           "help",
                           "MONITOR",
                           "subscribe x",
                           "HELLO 3",
                           "CLIENT REPLY OFF",
                           "client reply skip",
                           "\"\\x42LPOP\" q 0",
                           "BRPOP a b 0.0",
                           "BLMOVE a b LEFT RIGHT 0",
                           "BZPOPMIN z 3600",
                           "BLMPOP 0 1 l LEFT",
                           "XREAD COUNT 1 BLOCK 0 STREAMS s $",
                           "XREADGROUP GROUP g c BLOCK 0 STREAMS s >",
                           "WAIT 1 0",
                           "WAITAOF 0 1 0",
                           "shutdown nosave",
                           "DEBUG SLEEP 100",
                           "debug segfault",
                           "MIGRATE 10.0.0.1 6379 k 0 5",
                           "RESET",
                           "SET c \"open",
                           "SET c 'open",
                           "SET c \"a\"b"}) {
    INFO(line);
    ScriptSession session("seed.redis");
    const auto refused = session.FilterInput(std::string("SET a 1\n") + line + "\n", true);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == ErrorCode::kInvalidArgument);
    CHECK(refused.error().message.find("line 2 of seed.redis") != std::string::npos);
  }
  ScriptSession open("seed.redis");
  CHECK_FALSE(open.FilterInput("MULTI\nSET a 1\n", true).has_value());
  ScriptSession zero("seed.redis");
  CHECK_FALSE(zero.FilterInput(std::string("SET a \0\n", 8), true).has_value());
}

TEST_CASE("What looks like it and does not wait is passed on") {
  for (const char* line : {"CLIENT REPLY ON", "BLPOP q 1", "BLPOP q x", "XREAD COUNT 1 STREAMS BLOCK 0",
                           "WAIT 0 0", "LPUSH BLPOP 0", "DEBUG POPULATE 10", "CONFIG SET maxmemory 10mb",
                           "SET a \"\\\"\"", "SET a 'it\\'s'", "SET a b\"c\""}) {
    INFO(line);
    ScriptSession session("seed.redis");
    CHECK(Filtered(line, session).value_or("") == std::string(line) + "\nECHO M1\n");
  }
  ScriptSession within("seed.redis");
  CHECK(within.FilterInput("MULTI\nBLPOP q 0\nEXEC\n", true).has_value());
}

TEST_CASE("What would have an image follow another server is left out, and said") {
  for (const char* line : {"REPLICAOF 10.0.0.1 6379", "\"slaveof\" 10.0.0.1 1", "cluster meet 10.0.0.1 1",
                           "FAILOVER", "CONFIG SET replicaof x", "config set dir /tmp",
                           "CONFIG SET maxmemory 1 masterauth x", "CLIENT PAUSE 100000"}) {
    INFO(line);
    ScriptSession session("seed.redis");
    const auto out = Filtered(std::string(line) + "\nSET a 1\n", session);
    CHECK(out.value_or("") == "SET a 1\nECHO M2\n");
    REQUIRE(session.Warnings().size() == 1);
    CHECK(session.Warnings()[0].find("was left out") != std::string::npos);
  }
  ScriptSession nobody("seed.redis");
  CHECK(Filtered("REPLICAOF NO ONE\nSET a 1\n", nobody).value_or("") == "SET a 1\nECHO M2\n");
  CHECK(nobody.Warnings().empty());
}

TEST_CASE("A database that is not there ends a script whatever is passed over") {
  RestoreOptions options;
  options.continue_on_error = true;
  for (const char* script : {"SELECT 99\nSET a 1\n", "MULTI\nSELECT 99\nEXEC\n", "SWAPDB 0 99\n"}) {
    INFO(script);
    ScriptSession session("seed.redis", options);
    REQUIRE(session.FilterInput(script, true).has_value());
    if (std::string_view(script).starts_with("MULTI")) {
      REQUIRE(session.OnToolMessage("OK").has_value());
      REQUIRE(session.OnToolMessage("QUEUED").has_value());
    }
    const auto error = session.OnToolMessage("(error) ERR DB index is out of range");
    REQUIRE_FALSE(error.has_value());
    CHECK(error.error().hint.find("databases: 64") != std::string::npos);
  }
  ScriptSession quotes("seed.redis", options);
  CHECK(Filtered("SET a \"x\nSET b 2\n", quotes).value_or("") == "SET b 2\nECHO M2\n");
  CHECK(quotes.PassedOver() == 1);
}

TEST_CASE("An error that redis-cli passes over ends a script, and names its line") {
  ScriptSession session("seed.redis");
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
