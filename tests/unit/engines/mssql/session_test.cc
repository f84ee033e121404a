#include "engines/mssql/mssql_engine.h"
#include "engines/mssql/tds_client.h"
#include "tests/support/catch.h"
#include "tests/unit/engines/mssql/example.h"
#include "tests/unit/engines/test_server.h"

namespace spawnd::engines::mssql {
namespace {

using testing::FreePort;

TEST_CASE("Where nobody listens, SQL Server is not there yet") {
  Launch launch = Example();
  launch.endpoint.port = FreePort();
  const auto session = MssqlEngine().Probe(launch);
  REQUIRE_FALSE(session.has_value());
  CHECK(session.error().code == ErrorCode::kUnavailable);
  CHECK(CodeForMessage(18456) == ErrorCode::kUnavailable);
  CHECK(CodeForMessage(3169) == ErrorCode::kUnsupported);
  CHECK(CodeForMessage(1) == ErrorCode::kInternal);
}

}  // namespace
}  // namespace spawnd::engines::mssql
