#include "engines/mssql/tool_session.h"

#include "base/process.h"
#include "tests/places.h"
#include "tests/support/catch.h"
#include "tests/unit/engines/test_server.h"

namespace spawnd::engines::mssql {
namespace {

using testing::FreePort;

TEST_CASE("spawnd-tsql says what went wrong in a way that is understood") {
  ToolSession session("shop.sql");
  CHECK(session.OnToolMessage("note 10 percent processed.").has_value());
  CHECK(session.OnToolMessage("error invalid_argument line 3: Invalid object name 'x'.").has_value());
  CHECK(session.OnToolMessage("hint Mend it.").has_value());
  const auto ended = session.OnToolExit(1);
  REQUIRE_FALSE(ended.has_value());
  CHECK(ended.error().code == ErrorCode::kInvalidArgument);
  CHECK(ended.error().message == "shop.sql: line 3: Invalid object name 'x'.");
  CHECK(ended.error().hint == "Mend it.");
  CHECK(ToolSession("x").OnToolExit(0).has_value());
  CHECK_FALSE(ToolSession("x").OnToolExit(9).has_value());

  const auto tool = FindTool(std::string(SPAWND_BUILD_ROOT) + "/daemon/spawnd");
  REQUIRE(tool.has_value());
  SpawnOptions options;
  options.argv = {*tool, "script", "127.0.0.1", std::to_string(FreePort()), "master"};
  options.env = {std::string(kPasswordVariable) + "=W"};
  const auto said = RunAndCapture(options, std::chrono::seconds(60));
  REQUIRE(said.has_value());
  CHECK(said->exit_code == 1);
  CHECK(said->output.substr(0, 18) == "error unavailable ");
  CHECK_FALSE(FindTool("/nonexistent/spawnd").has_value());
}

}  // namespace
}  // namespace spawnd::engines::mssql
