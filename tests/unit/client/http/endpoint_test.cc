/// Endpoints as people write them. Needs nothing.
#include "client/http/endpoint.h"

#include "tests/support/catch.h"

namespace spawnd::client {
namespace {

TEST_CASE("an endpoint of this machine is the path of a socket") {
  const auto here = ParseEndpoint("unix:///run/spawnd/spawnd.sock");
  REQUIRE(here);
  CHECK_FALSE(here->IsRemote());
  CHECK(here->Name() == "/run/spawnd/spawnd.sock");
  CHECK(ParseEndpoint("unix://relative.sock")->socket_path == "relative.sock");
  CHECK(ParseEndpoint("unix://" + std::string(107, 'x')));
}

TEST_CASE("an endpoint of another machine has a host, and what ssh is to be told") {
  const auto plain = ParseEndpoint("ssh://build7");
  REQUIRE(plain);
  CHECK(plain->IsRemote());
  CHECK(plain->ssh_host == "build7");
  CHECK(plain->ssh_user.empty());
  CHECK(plain->ssh_port.empty());
  CHECK(plain->socket_path.empty());
  const auto full = ParseEndpoint("ssh://ann@build7.example.com:2222/run/other/spawnd.sock");
  REQUIRE(full);
  CHECK(full->ssh_user == "ann");
  CHECK(full->ssh_host == "build7.example.com");
  CHECK(full->ssh_port == "2222");
  CHECK(full->socket_path == "/run/other/spawnd.sock");
  CHECK(full->Name() == full->text);
  CHECK(ParseEndpoint("ssh://ann@build7/")->socket_path.empty());
  CHECK(ParseEndpoint("ssh://ann@corp@build7")->ssh_user == "ann@corp");
  const auto six = ParseEndpoint("ssh://[2001:db8::1]:22");
  REQUIRE(six);
  CHECK(six->ssh_host == "2001:db8::1");
  CHECK(six->ssh_port == "22");
}

TEST_CASE("what is no endpoint is refused, options of ssh above all") {
  for (const std::string& bad :
       {std::string("unix://"), std::string("http://localhost"), std::string("/run/x.sock"), std::string(),
        "unix://" + std::string(108, 'x'), std::string("ssh://"), std::string("ssh:///path"),
        std::string("ssh://@host"), std::string("ssh://-oProxyCommand=touch%20x"),
        std::string("ssh://-l@host"), std::string("ssh://host:port"), std::string("ssh://host:222222"),
        std::string("ssh://[::1"), std::string("ssh://[::1]x"), std::string("ssh://host$(id)"),
        std::string("ssh://ann:secret@host"), std::string("ssh://host:65536"), std::string("ssh://a b"),
        std::string("SSH://host")}) {
    CAPTURE(bad);
    const auto endpoint = ParseEndpoint(bad);
    REQUIRE_FALSE(endpoint);
    CHECK(endpoint.error().code == ErrorCode::kInvalidArgument);
    CHECK(endpoint.error().message.find("secret") == std::string::npos);
  }
}

}  // namespace
}  // namespace spawnd::client
