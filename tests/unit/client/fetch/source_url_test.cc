/// URLs of servers, of any product, and what is never said of them.
#include "client/fetch/source_url.h"

#include "tests/support/catch.h"

using namespace spawnd;
using namespace spawnd::client;
using Catch::Matchers::Contains;

namespace {

SourceUrl Read(std::string_view url) {
  auto read = ParseSourceUrl(url);
  if (!read) FAIL(std::string(url) << ": " << read.error().message);
  return *read;
}

Error Refused(std::string_view url) {
  const auto read = ParseSourceUrl(url);
  REQUIRE_FALSE(read);
  CHECK(read.error().code == ErrorCode::kInvalidArgument);
  CHECK_THAT(read.error().message + read.error().hint, !Contains("hush"));
  return read.error();
}

}  // namespace

TEST_CASE("source url: all its parts") {
  const SourceUrl url =
      Read("postgresql://reader:p%40ss%3a@db.example:5433/shop?sslmode=verify-full&sslrootcert=%2fca.pem");
  CHECK(url.connection.scheme == "postgresql");
  CHECK(url.connection.host == "db.example");
  CHECK(url.connection.port == 5433);
  CHECK(url.connection.user == "reader");
  CHECK(url.connection.database == "shop");
  CHECK(url.connection.ssl_mode == "verify-full");
  CHECK(url.connection.ssl_root_cert == "/ca.pem");
  CHECK(url.password == "p@ss:");
}

TEST_CASE("source url: what may be left out") {
  CHECK(Read("redis://localhost").connection.host == "localhost");
  CHECK(Read("redis://localhost").connection.port == 0);
  CHECK(Read("mysql:///shop").connection.host.empty());
  CHECK(Read("mysql:///shop").connection.database == "shop");
  CHECK(Read("redis://:pw@h:1").password == "pw");
  CHECK(Read("redis://:pw@h:1").connection.user.empty());
  CHECK(Read("postgres://u@h").connection.user == "u");
  CHECK(Read("postgres://h/").connection.database.empty());
  CHECK(Read("postgres://h:/x").connection.port == 0);
}

TEST_CASE("source url: other people's forms") {
  CHECK(Read("jdbc:postgresql://h:1/d?user=u&password=p").password == "p");
  CHECK(Read("JDBC:mysql://h/d?user=u").connection.user == "u");
  CHECK(Read("mysql+pymysql://u@h/d").connection.scheme == "mysql");
  CHECK(Read("postgresql://u@/d?host=/run/postgresql").connection.host == "/run/postgresql");
  CHECK(Read("postgresql://[::1]:5432/d").connection.host == "::1");
  CHECK(Read("postgresql://[::1]/d").connection.port == 0);
  // A password with an @ that nobody has written as %40.
  CHECK(Read("postgresql://u:a@b@h/d").password == "a@b");
  CHECK(Read("mysql://u@h/d?ssl-mode=VERIFY_IDENTITY").connection.ssl_mode == "verify-full");
}

TEST_CASE("source url: what is wrong is said without the password") {
  CHECK_THAT(Refused("u:hush@h/d").message, Contains("scheme"));
  CHECK_THAT(Refused("://u:hush@h/d").message, Contains("scheme"));
  CHECK_THAT(Refused("pg sql://u:hush@h/d").message, Contains("scheme"));
  CHECK_THAT(Refused("pg://u:hush%zz@h/d").message, Contains("%"));
  CHECK_THAT(Refused("pg://u:hush%4").message, Contains("port") || Contains("%"));
  CHECK_THAT(Refused("pg://u:%00hush@h").message, Contains("%"));
  CHECK_THAT(Refused("pg://u:hush@h:99999/d").message, Contains("port"));
  CHECK_THAT(Refused("pg://u:hush").message, Contains("port"));
  CHECK_THAT(Refused("pg://u:hush@[::1/d").message, Contains("["));
  CHECK_THAT(Refused("pg://u:hush@a,b/d").message, Contains("several hosts"));
  CHECK_THAT(Refused("pg://u:hush@h/d?options=x").message, Contains("'options'"));
  CHECK_THAT(Refused("pg://h/d?sslmode=sometimes").message, Contains("unknown sslMode 'sometimes'"));
  CHECK_THAT(Refused("pg://h/d?port=hush").message, Contains("port"));
}

TEST_CASE("source url: ports and modes by themselves") {
  CHECK(ParseSourcePort("65535").value() == 65535);
  for (const char* text : {"", "0", "65536", "-1", "1x", " 1"}) CHECK_FALSE(ParseSourcePort(text));
  CHECK(ParseSslMode("REQUIRED").value() == "require");
  CHECK_FALSE(ParseSslMode(""));
}
