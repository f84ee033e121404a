#include "engines/registry.h"
#include "tests/support/catch.h"

namespace spawnd::engines::mysql_family {
namespace {

TEST_CASE("Why a server of the family ended") {
  const Endpoint at{"127.0.0.1", 3306};
  const auto explained = [&](std::string_view log) { return (*FindEngine("mariadb"))->ExplainExit(log, at); };
  const Error newer = explained(
      "2026-11-25 19:00:00 0 [ERROR] InnoDB: Upgrade after a crash is not supported. The redo log was "
      "created "
      "with MariaDB 11.4.2.\n2026-11-25 19:00:00 0 [ERROR] Aborting\n");
  CHECK(newer.code == ErrorCode::kUnsupported);
  CHECK(newer.message.find("the server ended: InnoDB: Upgrade after a crash") == 0);
  CHECK(explained("2026-11-25T19:00:00.1Z 0 [ERROR] [MY-010119] [Server] Aborting for a reason\n").message ==
        "the server ended: Aborting for a reason");
  CHECK(explained("").message == "the server ended without a word");
}

}  // namespace
}  // namespace spawnd::engines::mysql_family
