#include "engines/mssql/mssql_engine.h"
#include "tests/support/catch.h"

namespace spawnd::engines::mssql {
namespace {

TEST_CASE("SQL Server's last words are explained") {
  const Endpoint at{"127.0.0.1", 20001};
  CHECK(MssqlEngine()
            .ExplainExit(
                "x\n2024 Server  Error: 26023\nServer TCP provider failed to listen on [ 127.0.0.1 <ipv4> "
                "20001]. Tcp port is already in use.\n",
                at)
            .code == ErrorCode::kInUse);
  const Error memory = MssqlEngine().ExplainExit(
      "sqlservr: This program requires a machine with at least 2000 megabytes of memory.\n", at);
  CHECK(memory.code == ErrorCode::kUnsupported);
  CHECK_FALSE(memory.hint.empty());
  CHECK(MssqlEngine()
            .ExplainExit(
                "ERROR: Setup FAILED copying system data file 'C:\\templatedata\\master.mdf': 5(Access is "
                "denied.)\n",
                at)
            .code == ErrorCode::kIo);
  CHECK(MssqlEngine().ExplainExit("", at).message == "the server ended without a word");
  CHECK(MssqlEngine().ExplainExit("a\nlast\n\n", at).message == "the server ended: last");
}

}  // namespace
}  // namespace spawnd::engines::mssql
