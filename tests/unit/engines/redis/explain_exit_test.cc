#include "engines/redis/redis_engine.h"
#include "tests/support/catch.h"

namespace spawnd::engines::redis {
namespace {

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

}  // namespace
}  // namespace spawnd::engines::redis
