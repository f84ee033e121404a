/// The keys of an image YAML that say which running server its data come from.
#include <fstream>

#include "client/yaml/image.h"
#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::client {
namespace {

using Catch::Matchers::Contains;

Result<ImageDescription> Parse(const std::string& keys, const std::string& type = "server") {
  const std::string text = "name: shop\nengine: postgresql\nversion: 15\nsourceType: " + type + "\n" + keys;
  return ParseImageYaml({"x.yaml", text, "/yaml", "/here"}, {});
}

FetchSource Parsed(const std::string& keys) {
  auto image = Parse(keys);
  if (!image) FAIL(image.error().message);
  REQUIRE(image->source);
  CHECK(image->request.source_type == api::SourceType::kBackup);
  CHECK(image->backups.empty());
  return *image->source;
}

Error Refused(const std::string& keys, const std::string& type = "server") {
  const auto image = Parse(keys, type);
  REQUIRE_FALSE(image);
  CHECK(image.error().code == ErrorCode::kInvalidArgument);
  CHECK_THAT(image.error().message + image.error().hint, !Contains("hush"));
  return image.error();
}

TEST_CASE("source keys: the parts of a connection") {
  const FetchSource source = Parsed(
      "connection:\n  host: db.example\n  port: 5433\n  user: reader\n  database: shop\n  passwordFile: "
      "secrets/pw\n"
      "  sslMode: Verify-Full\n  sslRootCert: ca.pem\nmethod: Physical\njobs: 3\n");
  CHECK(source.request.engine == "postgresql");
  CHECK(source.request.version == "15");
  CHECK(source.request.connection.host == "db.example");
  CHECK(source.request.connection.port == 5433);
  CHECK(source.request.connection.user == "reader");
  CHECK(source.request.connection.database == "shop");
  CHECK(source.request.connection.ssl_mode == "verify-full");
  CHECK(source.request.connection.ssl_root_cert == "/yaml/ca.pem");
  CHECK(source.request.method == "physical");
  CHECK(source.request.jobs == 3);
  CHECK(source.secret.file == "/yaml/secrets/pw");
  CHECK(source.secret.text.empty());
}

TEST_CASE("source keys: a URL, by itself or with what goes beside it") {
  const FetchSource plain = Parsed("connection: postgresql://reader@db/shop\n");
  CHECK(plain.request.connection.host == "db");
  CHECK(plain.secret.IsNone());
  for (const char* keys :
       {"connection:\n  url: pg://r@db/shop?sslmode=prefer\n  sslMode: require\n  passwordVariable: PW\n",
        "connection:\n  sslMode: require\n  passwordVariable: PW\n  url: pg://r@db/shop?sslmode=prefer\n"}) {
    const FetchSource source = Parsed(keys);
    CHECK(source.request.connection.ssl_mode == "require");
    CHECK(source.secret.variable == "PW");
    CHECK(source.request.connection.database == "shop");
  }
  CHECK(Parsed("connection: pg://r:hush@db/shop\n").secret.text == "hush");
  CHECK(Parsed("connection:\n  host: db\n  password: hush\n").secret.text == "hush");
}

TEST_CASE("source keys: what does not go together") {
  CHECK_THAT(Refused("connection:\n  url: pg://h/d\n  host: other\n").message, Contains("'url' besides"));
  CHECK_THAT(Refused("connection:\n  host: h\n  password: hush\n  passwordFile: pw\n").message,
             Contains("more than one way"));
  CHECK_THAT(Refused("connection:\n  url: pg://u:hush@h/d\n  passwordVariable: PW\n").message,
             Contains("more than one way"));
  CHECK_THAT(Refused("").hint, Contains("connection"));
  CHECK_THAT(Refused("connection: pg://h\nbackup: {path: /etc/passwd}\n").message,
             Contains("sourceType is not backup"));
  CHECK_THAT(Refused("connection: pg://u:hush@h\n", "empty").message,
             Contains("'connection' is given, but sourceType is not server") && Contains("line 5"));
  CHECK_THAT(Refused("method: dump\n", "empty").message, Contains("'method' is given"));
}

TEST_CASE(
    "source keys: what means nothing to a server's own files, or to a server as it is, is refused by name") {
  const std::string at = "connection: {host: db}\n";
  for (const std::string key : {"tables: [a]", "excludeTables: [a]", "excludeData: [a]", "schemaOnly: true",
                                "onError: continue", "skipExtensions: [a]", "locale: C", "encoding: UTF8"}) {
    INFO(key);
    const std::string name = "'" + key.substr(0, key.find(':')) + "' means nothing";
    CHECK_THAT(Refused(at + key + "\n", "standby").message, Contains(name) && Contains("line 6"));
    CHECK_THAT(Refused(at + "method: physical\n" + key + "\n").message, Contains(name));
    CHECK(Parse(at + key + "\n"));
  }
  for (const std::string key : {"at: immediate", "walFolder: /nowhere"}) {
    INFO(key);
    const std::string name = "'" + key.substr(0, key.find(':')) + "' means nothing";
    CHECK_THAT(Refused(at + key + "\n", "standby").message, Contains(name));
    CHECK_THAT(Refused(at + key + "\n").message, Contains(name));
  }
  for (const std::string key : {"method: dump", "jobs: 3"}) {
    CHECK_THAT(Refused(at + key + "\n", "Standby").message, Contains("means nothing to sourceType standby"));
  }
  CHECK(Parse(at + "settings: {work_mem: 4MB}\ntables:\nmaxKeptWal: 64MiB\n", "standby"));
  CHECK_THAT(Refused(at + "maxKeptWal: 63MiB\n", "standby").message, Contains("64MiB"));
}

TEST_CASE("source keys: each mistake has its line, and no password") {
  CHECK_THAT(Refused("connection: pg://u:hush@h:99999\n").message, Contains("line 5") && Contains("port"));
  CHECK_THAT(Refused("connection: hush\n").message, Contains("scheme"));
  CHECK_THAT(Refused("connection: [hush]\n").message, Contains("must be a map"));
  CHECK_THAT(Refused("connection:\n  port: 0\n").message, Contains("line 6"));
  CHECK_THAT(Refused("connection:\n  sslMode: maybe\n").hint, Contains("verify-full"));
  CHECK_THAT(Refused("connection:\n  host: ''\n").message, Contains("'connection.host' is empty"));
  CHECK_THAT(Refused("connection:\n  hostname: h\n").message, Contains("did you mean 'host'"));
  CHECK_THAT(Refused("connection:\n  password: [hush]\n").message, Contains("password"));
  CHECK_THAT(Refused("connection:\n  passwordVariable: A=hush\n").message, Contains("no name of a variable"));
  CHECK_THAT(Refused("connection: pg://h\nmethod: copy\n").hint, Contains("dump, physical"));
  for (const char* jobs : {"0", "65", "-1", "many"}) {
    CHECK_THAT(Refused("connection: pg://h\njobs: " + std::string(jobs) + "\n").message, Contains(jobs));
  }
  CHECK_THAT(Refused("server: pg://h\n").message, Contains("'server' is given, but sourceType is server"));
}

}  // namespace
}  // namespace spawnd::client
