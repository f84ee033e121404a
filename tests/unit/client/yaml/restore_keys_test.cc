/// The keys of an image YAML that say how a backup is restored, and the server's settings.
#include <fstream>

#include "api/json.h"
#include "client/yaml/image.h"
#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::client {
namespace {

using Catch::Matchers::Contains;
using Texts = std::vector<std::string>;

struct Folder {
  Folder() { std::ofstream(scratch / "shop.sql") << "select 1;\n"; }
  Result<ImageDescription> Parse(const std::string& keys) const {
    const std::string text =
        "name: shop\nengine: postgresql\nsourceType: backup\nbackup: {file: shop.sql}\n" + keys;
    return ParseImageYaml({"x.yaml", text, scratch.Path(), scratch.Path()}, {});
  }
  api::CreateDataImageRequest Parsed(const std::string& keys) const {
    auto image = Parse(keys);
    if (!image) FAIL(image.error().message);
    return image->request;
  }
  Error Refused(const std::string& keys) const {
    const auto image = Parse(keys);
    REQUIRE_FALSE(image);
    CHECK(image.error().code == ErrorCode::kInvalidArgument);
    return image.error();
  }
  ScratchDirectory scratch;
};

TEST_CASE("restore keys: settings are taken as they are written, in their order") {
  const Folder folder;
  CHECK(folder.Parsed("settings:\n  work_mem: 64MB\n  max_connections: 200\n  fsync: off\n  geqo:\n")
            .settings ==
        api::Settings{{"work_mem", "64MB"}, {"max_connections", "200"}, {"fsync", "off"}, {"geqo", ""}});
  CHECK(folder.Parsed("").settings.empty());
  CHECK_THAT(folder.Refused("settings: [work_mem]\n").message, Contains("line 5"));
  CHECK_THAT(folder.Refused("settings: work_mem=1\n").message, Contains("must be a map"));
  CHECK_THAT(folder.Refused("settings:\n  work_mem: [1]\n").message, Contains("line 6"));
}

TEST_CASE("restore keys: onError is a word or a list") {
  const Folder folder;
  CHECK_FALSE(folder.Parsed("").restore.continue_on_error);
  CHECK_FALSE(folder.Parsed("onError: stop\n").restore.continue_on_error);
  CHECK(folder.Parsed("onError: Continue\n").restore.continue_on_error);
  const auto list = folder.Parsed("onError: [42704, CREATE EVENT TRIGGER]\n").restore;
  CHECK_FALSE(list.continue_on_error);
  CHECK(list.ignored_errors == Texts{"42704", "CREATE EVENT TRIGGER"});
  const Error unknown = folder.Refused("onError: ignore\n");
  CHECK_THAT(unknown.message, Contains("line 5") && Contains("unknown onError 'ignore'"));
  CHECK_THAT(unknown.hint, Contains("stop, continue"));
  CHECK_THAT(folder.Refused("onError: ['']\n").message, Contains("is empty"));
  CHECK_THAT(folder.Refused("onError: {a: b}\n").message, Contains("onError"));
}

TEST_CASE("restore keys: texts, lists and truths") {
  const Folder folder;
  const auto restore =
      folder
          .Parsed(
              "locale: ' en_US.UTF-8 '\nencoding: LATIN1\nskipExtensions: [pg_cron, postgis]\n"
              "tables: [public.a]\nexcludeTables: [b]\nexcludeData: ['log_*']\nschemaOnly: true\n")
          .restore;
  CHECK(restore.locale == "en_US.UTF-8");
  CHECK(restore.encoding == "LATIN1");
  CHECK(restore.skip_extensions == Texts{"pg_cron", "postgis"});
  CHECK(restore.tables == Texts{"public.a"});
  CHECK(restore.exclude_tables == Texts{"b"});
  CHECK(restore.exclude_data == Texts{"log_*"});
  CHECK(restore.schema_only);
  CHECK_FALSE(folder.Parsed("schemaOnly: false\n").restore.schema_only);
  CHECK_THAT(folder.Refused("schemaOnly: perhaps\n").message, Contains("schemaOnly"));
  CHECK_THAT(folder.Refused("excludeTable: [b]\n").message, Contains("did you mean 'excludeTables'?"));
  CHECK_THAT(folder.Refused("collation: C\n").message, Contains("did you mean 'locale'?"));
  CHECK_THAT(folder.Refused("config: {a: b}\n").message, Contains("did you mean 'settings'?"));
}

TEST_CASE("restore keys: all of them survive the way to the daemon") {
  const Folder folder;
  const auto request = folder.Parsed(
      "settings: {work_mem: 64MB}\nonError: [42704]\nlocale: C\nencoding: UTF8\n"
      "skipExtensions: [a]\ntables: [b]\nexcludeTables: [c]\nexcludeData: [d]\n"
      "schemaOnly: true\n");
  const auto read = api::FromJson<api::CreateDataImageRequest>(api::ToJson(request));
  REQUIRE(read);
  CHECK(read->settings == request.settings);
  CHECK(read->restore.ignored_errors == request.restore.ignored_errors);
  CHECK(read->restore.locale == "C");
  CHECK(read->restore.encoding == "UTF8");
  CHECK(read->restore.skip_extensions == Texts{"a"});
  CHECK(read->restore.tables == Texts{"b"});
  CHECK(read->restore.exclude_tables == Texts{"c"});
  CHECK(read->restore.exclude_data == Texts{"d"});
  CHECK(read->restore.schema_only);
}

}  // namespace
}  // namespace spawnd::client
