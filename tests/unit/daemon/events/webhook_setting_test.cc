/// What an administrator writes down of a webhook, and its signature.
#include "daemon/events/webhook_setting.h"

#include <fstream>

#include "daemon/config.h"
#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::daemon {
namespace {

std::string Refused(const std::string& yaml) {
  const auto config = ParseConfig(yaml, "x");
  REQUIRE_FALSE(config);
  CHECK(config.error().message.find("s3cret") == std::string::npos);
  return config.error().message;
}

TEST_CASE("webhooks: what spawnd.yaml says") {
  const auto config = ParseConfig(
      "webhooks:\n"
      "  - {url: 'https://ann:pw@hooks.example.org:8443/T0/xyz?k=1', secret: s3cret}\n"
      "  - {name: ops, url: http://localhost/, secretFile: /etc/secret, caFile: /etc/ca.pem,\n"
      "     filter: {event: [failed, out-of-memory], type: container}}\n",
      "x");
  REQUIRE(config);
  REQUIRE(config->webhooks.size() == 2);
  CHECK(config->webhooks[0].name == "hooks.example.org:8443");  // what may be secret is not in it
  CHECK(config->webhooks[1].name == "ops");
  CHECK(config->webhooks[1].ca_file == "/etc/ca.pem");
  CHECK(config->webhooks[1].filter.size() == 3);
  CHECK(KeysForNextStart(Config{}, *config).empty());
}

TEST_CASE("webhooks: what is wrong is said, and no secret") {
  const auto hook = [](const std::string& keys) {
    return Refused("webhooks: [{secret: s3cret, " + keys + "}]");
  };
  CHECK(hook("url: ftp://x").find("'url' must be one of http or https") != std::string::npos);
  CHECK(hook("url: https://").find("'url'") != std::string::npos);
  CHECK(hook("url: 'http://a b'").find("'url'") != std::string::npos);
  CHECK(hook("url: http://x, secretFile: /x").find("either 'secret' or 'secretFile'") != std::string::npos);
  CHECK(hook("url: http://x, caFile: x").find("absolute path") != std::string::npos);
  CHECK(hook("url: http://x, filter: {event: no-such}").find("no event 'no-such'") != std::string::npos);
  CHECK(hook("url: http://x, filter: {evnt: failed}").find("no filter 'evnt'") != std::string::npos);
  CHECK(hook("uri: http://x").find("did you mean 'url'") != std::string::npos);
  CHECK(Refused("webhooks: [{url: http://x}]").find("either 'secret'") != std::string::npos);
  CHECK(Refused("webhooks: [{url: http://x/1, secret: s3cret}, {url: http://x/2, secret: s3cret}]")
            .find("webhook 'x' is there twice") != std::string::npos);
}

TEST_CASE("webhooks: a signature is what openssl makes of the same") {
  // printf '1764273600.{"id":17}' | openssl dgst -sha256 -hmac secret
  CHECK(SignatureOf("secret", 1764273600, R"({"id":17})").value() ==
        "t=1764273600,v1=7c5f34bee09c41f0c510dba736f643ed860af1bf12f3d81e4e1babf826646a83");
}

TEST_CASE("webhooks: a secret of a file is what it says now, without its line end") {
  const ScratchDirectory scratch;
  WebhookSetting setting;
  setting.secret_file = scratch / "secret";
  CHECK_FALSE(SecretOf(setting));
  std::ofstream(setting.secret_file) << "one\r\n" << std::flush;
  CHECK(SecretOf(setting).value() == "one");
  std::ofstream(setting.secret_file) << "two" << std::flush;
  CHECK(SecretOf(setting).value() == "two");
  std::ofstream(setting.secret_file) << "\n" << std::flush;
  CHECK_FALSE(SecretOf(setting));
  setting.secret_file.clear();
  setting.secret = "three\n";
  CHECK(SecretOf(setting).value() == "three\n");
}

}  // namespace
}  // namespace spawnd::daemon
