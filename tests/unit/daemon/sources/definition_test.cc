/// What a data source's YAML may not hold.
#include "daemon/sources/definition.h"

#include <string>

namespace spawnd::daemon {
namespace {

std::string Refused(const std::string& definition) {
  const auto checked = CheckHoldsNoSecret(definition);
  INFO(definition);
  REQUIRE_FALSE(checked);
  CHECK(checked.error().code == ErrorCode::kInvalidArgument);
  CHECK(checked.error().message.find("s3cr3t") == std::string::npos);
  CHECK(checked.error().hint.find("s3cr3t") == std::string::npos);
  return checked.error().message;
}

TEST_CASE("definition: a password in clear is refused wherever it stands, and not repeated") {
  CHECK(Refused("name: a\nconnection:\n  host: h\n  password: s3cr3t\n").find("line 4") != std::string::npos);
  CHECK(Refused("Password: s3cr3t\n").find("line 1") != std::string::npos);
  CHECK(Refused("a:\n  - b:\n      - {pwd: s3cr3t}\n").find("'pwd'") != std::string::npos);
  CHECK(Refused("connection: postgres://joe:s3cr3t@db/shop\n").find("URL") != std::string::npos);
  CHECK(Refused("a: {url: 'mysql://:s3cr3t@db'}\n").find("URL") != std::string::npos);
  CHECK(Refused("connection: 'postgres://db/shop?user=joe&password=s3cr3t'\n").find("'connection'") !=
        std::string::npos);
  CHECK(Refused("connection: 'host=db password=s3cr3t'\n").find("'connection'") != std::string::npos);
  CHECK(Refused("postScript: \"create subscription s connection 'postgres://u:s3cr3t@h/d'\"\n").find("URL") !=
        std::string::npos);
}

TEST_CASE("definition: where a password is may be said, and SQL may speak of them") {
  CHECK(CheckHoldsNoSecret("name: a\nconnection:\n  host: h\n  passwordFile: pw\n  passwordVariable: PW\n"));
  CHECK(CheckHoldsNoSecret("connection: postgres://joe@db:5432/shop\n"));
  CHECK(CheckHoldsNoSecret("connection:\n  url: postgres://db/shop?sslmode=require\n  password:\n"));
  CHECK(CheckHoldsNoSecret("postScript: update person set password = 'x', email = 'a:b@c'\n"));
  CHECK(CheckHoldsNoSecret("backup: {path: 'C:/x@y'}\n"));
}

TEST_CASE("definition: a schedule has no variable of a session") {
  const auto bad = CheckNeedsNoEnvironment("name: a\nconnection:\n  passwordVariable: SHOP\n");
  REQUIRE_FALSE(bad);
  CHECK(bad.error().message.find("line 3") != std::string::npos);
  CHECK(CheckNeedsNoEnvironment("name: a\nconnection: {passwordFile: x, passwordVariable: }\n"));
}

TEST_CASE("definition: what is no YAML of an image is refused") {
  Refused("");
  Refused("- a\n- b\n");
  Refused("just words\n");
  Refused("a: [1, 2\n");
}

}  // namespace
}  // namespace spawnd::daemon
