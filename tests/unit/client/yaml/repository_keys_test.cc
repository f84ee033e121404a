/// The keys of an image YAML that name a backup in a backup tool's repository.
#include "client/yaml/image.h"
#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::client {
namespace {

using Catch::Matchers::Contains;

struct Folder {
  Result<ImageDescription> Parse(const std::string& keys) const {
    return ParseImageYaml(
        {"x.yaml", "name: shop\nengine: postgresql\n" + keys, scratch.Path(), scratch.Path()}, {});
  }
  ImageDescription Parsed(const std::string& keys) const {
    auto image = Parse(keys);
    if (!image) FAIL(image.error().message);
    return std::move(*image);
  }
  std::string Refused(const std::string& keys) const {
    const auto image = Parse(keys);
    REQUIRE_FALSE(image);
    CHECK(image.error().code == ErrorCode::kInvalidArgument);
    return image.error().message;
  }
  ScratchDirectory scratch;
};

TEST_CASE("repository keys: what the file says, with absolute paths") {
  const Folder folder;
  // `backup` before anybody knows of what.
  const ImageDescription image = folder.Parsed(
      "backup: 20261128-094652F\nsourceType: Repository\ntool: pgBackRest\nstanza: main\n"
      "repository: repo\nconfigFile: /etc/pgbackrest.conf\nat: 2026-11-28 10:00:00+01\njobs: 3\n");
  REQUIRE(image.source);
  const api::SourceRepository& repository = image.source->request.repository;
  CHECK(repository.tool == "pgbackrest");
  CHECK(repository.stanza == "main");
  CHECK(repository.path == folder.scratch.Path() + "/repo");
  CHECK(repository.config_file == "/etc/pgbackrest.conf");
  CHECK(repository.backup == "20261128-094652F");
  CHECK(repository.at == "2026-11-28T09:00:00Z");
  CHECK(image.source->request.jobs == 3);
  CHECK(image.source->request.engine == "postgresql");
  CHECK(image.request.restore.at == "2026-11-28T09:00:00Z");
  CHECK(image.request.source_type == api::SourceType::kBackup);
  CHECK(image.backups.empty());
  CHECK(folder.Parsed("sourceType: repository\ntool: walg\n").source->request.repository.tool == "wal-g");
  CHECK(
      folder.Parsed("sourceType: repository\ntool: barman\nserver: a\n").source->request.repository.stanza ==
      "a");
}

TEST_CASE("repository keys: what does not belong together") {
  const Folder folder;
  const std::string whole = "sourceType: repository\ntool: barman\n";
  CHECK_THAT(folder.Refused("sourceType: repository\nstanza: a\n"), Contains("no tool is given"));
  CHECK_THAT(folder.Refused(whole + "stanza: a\nserver: b\n"), Contains("line 6") && Contains("two words"));
  CHECK_THAT(folder.Refused(whole + "repository: s3://x/y\n"), Contains("line 5") && Contains("is a URL"));
  CHECK_THAT(folder.Refused(whole + "backup: {file: a.sql}\n"),
             Contains("line 5") && Contains("has keys below it"));
  CHECK_THAT(folder.Refused(whole + "connection: {host: a}\n"), Contains("'connection' is given"));
  CHECK_THAT(folder.Refused(whole + "method: dump\n"), Contains("'method' is given"));
  CHECK_THAT(folder.Refused(whole + "at: yesterday\n"), Contains("line 5") && Contains("no point in time"));
  CHECK_THAT(folder.Refused("sourceType: repository\ntool: ' '\n"),
             Contains("line 4") && Contains("is empty"));
  CHECK_THAT(folder.Refused("sourceType: empty\nstanza: a\n"),
             Contains("'stanza' is given, but sourceType is not repository"));
  CHECK_THAT(folder.Refused("sourceType: server\nserver: a\n"),
             Contains("'server' is given, but sourceType is server"));
}

}  // namespace
}  // namespace spawnd::client
