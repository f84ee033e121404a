#include <fcntl.h>

#include "base/unique_fd.h"
#include "engines/mssql/mssql_engine.h"
#include "engines/mssql/tool_session.h"
#include "tests/support/catch.h"
#include "tests/unit/engines/mssql/example.h"
#include "tests/unit/engines/test_server.h"

namespace spawnd::engines::mssql {
namespace {

using testing::TemporaryFolder;

Result<RestorePlan> PlanFor(const std::string& path, bool is_script = false) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  RestoreRequest request;
  request.backup_name = "shop.bak";
  request.backup_fd = fd.Get();
  request.is_script = is_script;
  RestoreTarget target;
  target.database = "Shop";
  target.paths = Example().paths;
  target.endpoint = {"127.0.0.1", 20001};
  target.credentials = {"sa", "W", "master"};
  TRY_ASSIGN(const auto recognised, MssqlEngine().Recognise(request));
  TRY_ASSIGN(RestorePlan plan, recognised->Plan({}, target));
  CHECK(recognised->IsPlaced() == !plan.placements.empty());
  return plan;
}

TEST_CASE("A native backup is placed and restored, a script is run") {
  const TemporaryFolder folder;
  const auto native = PlanFor(folder.Write("a", std::string("TAPE\0\0", 6)));
  REQUIRE(native.has_value());
  REQUIRE(native->placements.size() == 1);
  REQUIRE(native->steps.size() == 1);
  const auto& sink = native->placements[0].sink.command.argv;
  CHECK(sink[4] == "/v/data/spawnd-restore");
  const auto& restore = native->steps[0].command;
  CHECK(restore.argv[1] == "restore");
  CHECK(restore.argv[4] == "/var/opt/mssql/spawnd-restore/" + sink[5]);
  CHECK(restore.argv[5] == "Shop");
  CHECK(native->steps[0].reads == ToolReads::kNothing);
  CHECK(native->steps[0].is_our_program);
  const auto script = PlanFor(folder.Write("b", "select 1\ngo\n"));
  REQUIRE(script.has_value());
  CHECK(script->placements.empty());
  CHECK(script->steps[0].command.argv[1] == "script");
  CHECK(script->steps[0].command.argv.back() == "Shop");
  CHECK(Has(script->steps[0].command.env, std::string(kPasswordVariable) + "=W"));
  CHECK(PlanFor(folder.Write("c", "\xFF\xFEs\0"), true).error().hint == "Save it as UTF-8.");
  CHECK(PlanFor(folder.Write("d", std::string("\x01\0", 2))).error().message ==
        "'shop.bak' is no backup of SQL Server");
  CHECK_FALSE(PlanFor(folder.Write("e", std::string("TAPE\0", 5)), true).has_value());
}

}  // namespace
}  // namespace spawnd::engines::mssql
