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
  for (const char* line : {"connect 10.0.0.1 6379", "CONNECT h 1", "\"connect\" h 1", "quit", "5 INCR a",
                           ":set hints", "? set", "help", "MONITOR", "subscribe x", "HELLO 3"}) {
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
