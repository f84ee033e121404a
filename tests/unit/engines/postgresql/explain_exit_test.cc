/// Lines as servers wrote them; the cases that can be made for real are in server_test.cc.
#include "engines/postgresql/postgresql_engine.h"
#include "tests/support/catch.h"

namespace spawnd::engines::postgresql {
namespace {

const Endpoint kEndpoint{"127.0.0.1", 5433};

TEST_CASE("A taken port is named, with what to do") {
  const Error error = PostgresqlEngine().ExplainExit(
      "2026-11-21 23:49:57.534 UTC [15814] LOG:  starting PostgreSQL 15.20\n"
      "2026-11-21 23:49:57.536 UTC [15814] LOG:  could not bind IPv4 address \"127.0.0.1\": Address already "
      "in use\n"
      "2026-11-21 23:49:57.536 UTC [15814] HINT:  Is another postmaster already running on port 5433?\n"
      "2026-11-21 23:49:57.537 UTC [15814] FATAL:  could not create any TCP/IP sockets\n",
      kEndpoint);
  CHECK(error.code == ErrorCode::kInUse);
  CHECK(error.message == "port 5433 of 127.0.0.1 is in use by another program");
  CHECK(error.hint.find("5433") != std::string::npos);
}

TEST_CASE("An address that is not this machine's") {
  const Error error = PostgresqlEngine().ExplainExit(
      "LOG:  could not bind IPv4 address \"10.9.9.9\": Cannot assign requested address\n", {"10.9.9.9", 1});
  CHECK(error.code == ErrorCode::kInvalidArgument);
  CHECK(error.message.find("10.9.9.9") != std::string::npos);
}

TEST_CASE("Causes and their codes") {
  const auto code = [](std::string_view log) { return PostgresqlEngine().ExplainExit(log, kEndpoint).code; };
  CHECK(code("x [1] FATAL:  could not write lock file \"postmaster.pid\": No space left on device\n") ==
        ErrorCode::kNoSpace);
  CHECK(code("x [1] PANIC:  could not locate a valid checkpoint record\nx [2] LOG:  startup process (PID 3) "
             "was terminated by signal 6\n") == ErrorCode::kCorrupt);
  CHECK(code("postgres: error while loading shared libraries: libicui18n.so.60: cannot open shared object "
             "file\n") == ErrorCode::kUnsupported);
  CHECK(code("x [1] FATAL:  could not map anonymous shared memory: Cannot allocate memory\n") ==
        ErrorCode::kUnavailable);
  CHECK(code("x LOG:  unrecognized configuration parameter \"nosuch\" in file \"/d/postgresql.conf\" line "
             "1\n") == ErrorCode::kInvalidArgument);
  CHECK(code("x FATAL:  could not open file \"base/1/2\": Input/output error\n") == ErrorCode::kIo);
}

TEST_CASE("Anything else: the last fatal line in its own words") {
  CHECK(PostgresqlEngine()
            .ExplainExit("half a li\nx [1] FATAL:  first\nx [1] FATAL:  second thing\nx [1] DETAIL:  of "
                         "it\nx [1] LOG:  done\n",
                         kEndpoint)
            .message == "the server ended: second thing; of it");
  CHECK(PostgresqlEngine().ExplainExit("x [1] LOG:  some last words\n", kEndpoint).message ==
        "the server ended: some last words");
  CHECK(PostgresqlEngine().ExplainExit("", kEndpoint).message == "the server ended without a word");
}

}  // namespace
}  // namespace spawnd::engines::postgresql
