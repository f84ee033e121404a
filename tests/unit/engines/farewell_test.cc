/// What clients of each product read whose server is not there.
#include <string>

#include "engines/postgresql/clients_on_their_way.h"
#include "engines/registry.h"
#include "tests/support/catch.h"

namespace spawnd::engines {
namespace {

const Engine& Of(const char* name) {
  return **FindEngine(name);
}

const std::string kTls("\0\0\0\x08\x04\xd2\x16\x2f", 8);
const std::string kStart("\0\0\0\x09\0\x03\0\0\0", 9);

TEST_CASE("farewell: a client of PostgreSQL is told after its first packet, without TLS") {
  const Engine& engine = Of("postgresql");
  CHECK(engine.TurnAway("", "gone").bytes.empty());
  CHECK_FALSE(engine.TurnAway(kStart.substr(0, 7), "gone").is_over);
  const Farewell declined = engine.TurnAway(kTls, "gone");
  CHECK(declined.bytes == "N");
  CHECK(declined.taken == 8);
  CHECK_FALSE(declined.is_over);
  const Farewell told = engine.TurnAway(kStart, "gone");
  CHECK(told.is_over);
  CHECK(told.bytes.substr(0, 1) == "E");
  CHECK(told.bytes.find("Mgone") != std::string::npos);
  CHECK(engine.TurnAway(kTls + kStart, "gone").bytes == "N" + told.bytes);
  // What is no such packet, and what asks to cancel a query.
  CHECK(engine.TurnAway("GET / HTTP/1.1", "gone").bytes.empty());
  CHECK(engine.TurnAway("GET / HTTP/1.1", "gone").is_over);
}

TEST_CASE("farewell: servers that speak first say it at once") {
  const Farewell mariadb = Of("mariadb").TurnAway("", "gone");
  CHECK(mariadb.is_over);
  CHECK(mariadb.bytes == std::string("\x07\0\0\0\xff\x1d\x04gone", 11));
  CHECK(Of("redis").TurnAway("", "gone").bytes == "-ERR gone\r\n");
  CHECK(Of("mssql").TurnAway("", "gone").is_over);
}

TEST_CASE("farewell: titles of PostgreSQL's processes that let somebody in") {
  using postgresql::IsLettingIn;
  CHECK(IsLettingIn("postgres: u d 127.0.0.1(5) authentication"));
  CHECK(IsLettingIn(std::string("postgres: u d 127.0.0.1(5) startup\0\0", 36)));
  CHECK(IsLettingIn("postgres: u d 127.0.0.1(5) initializing  "));
  CHECK(IsLettingIn(std::string("/opt/bin/postgres\0-D\0/data\0", 27)));
  CHECK_FALSE(IsLettingIn("postgres: u d 127.0.0.1(5) idle"));
  CHECK_FALSE(IsLettingIn("postgres: checkpointer "));
  CHECK_FALSE(IsLettingIn(""));
}

}  // namespace
}  // namespace spawnd::engines
