/// A data image's YAML that is a data source, or of one.
#include <fstream>

#include "client/yaml/source_image.h"
#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::client {
namespace {

struct Files {
  Files() { std::ofstream(scratch.Path() + "/shop.sql") << "select 1;\n"; }
  ImageYaml Yaml(const std::string& text) const {
    ImageYaml yaml;
    yaml.name = "shop.yaml";
    yaml.text = text;
    yaml.folder = yaml.current_directory = scratch.Path();
    return yaml;
  }
  api::DataSource Source() const {
    api::DataSource source;
    source.id = 10017;
    source.name = "shop";
    source.definition = kDefinition;
    source.folder = scratch.Path();
    return source;
  }
  static constexpr const char* kDefinition =
      "name: shop\nsourceType: backup\nengine: postgresql\nbackup: {path: shop.sql}\ntags: [latest]\n"
      "schedule: \"0 3 * * 1-5\"\nkeep: 5\npostScript: select 1\n";
  ScratchDirectory scratch;
};

TEST_CASE("schedule keys: they are read, and what is wrong has its line") {
  const Files files;
  const auto image = ParseImageYaml(files.Yaml(Files::kDefinition), {});
  INFO((image ? "" : image.error().message));
  REQUIRE(image);
  CHECK(image->schedule.schedule == "0 3 * * 1-5");
  CHECK(image->schedule.keep == 5);
  CHECK(image->schedule.source.empty());
  for (const char* line :
       {"keep: 0", "keep: -1", "keep: many", "keep: 1.5", "schedule: ''", "schedule: [a]"}) {
    INFO(line);
    const auto bad =
        ParseImageYaml(files.Yaml("name: a\nsourceType: backup\nengine: x\nbackup: {path: shop.sql}\n" +
                                  std::string(line) + "\n"),
                       {});
    REQUIRE_FALSE(bad);
    CHECK(bad.error().code == ErrorCode::kInvalidArgument);
    CHECK(bad.error().message.find("line 5") != std::string::npos);
  }
  CHECK_FALSE(ParseImageYaml(files.Yaml("name: a\nsourceType: empty\nengine: x\nmaxKeptWal: 1GiB\n"), {}));
}

TEST_CASE("image of a source: it is as the source says, where its YAML lay") {
  const Files files;
  const auto image = ParseImageOfSource(files.Source(), std::nullopt, {});
  INFO((image ? "" : image.error().message));
  REQUIRE(image);
  CHECK(image->request.name == "shop");
  CHECK(image->request.source == "10017");
  CHECK(image->request.post_script == "select 1");
  REQUIRE(image->backups.size() == 1);
  CHECK(image->backups.front().path == files.scratch.Path() + "/shop.sql");
}

TEST_CASE("image of a source: what another file says counts instead, key by key; then the command line") {
  const Files files;
  const auto image = ParseImageOfSource(
      files.Source(), files.Yaml("source: shop\nname: changed\npostScript: select 2\ntags: [few]\n"),
      {"typed", "", {"more"}, {}});
  INFO((image ? "" : image.error().message));
  REQUIRE(image);
  CHECK(image->request.name == "typed");
  CHECK(image->request.post_script == "select 2");
  CHECK(image->request.tags == std::vector<std::string>{"few", "more"});
  CHECK(image->request.engine == "postgresql");
  CHECK(image->request.source == "10017");
  CHECK_FALSE(ParseImageOfSource(files.Source(), files.Yaml("source: shop\nnonsense: 1\n"), {}));
}

TEST_CASE("image of a source: without a name in either it has the source's") {
  const Files files;
  api::DataSource source = files.Source();
  source.definition = "sourceType: empty\nengine: postgresql\n";
  const auto image = ParseImageOfSource(source, std::nullopt, {});
  REQUIRE(image);
  CHECK(image->request.name == "shop");
}

TEST_CASE("top-level text: a scalar, or nothing") {
  const Files files;
  CHECK(TopLevelText(files.Yaml("a: 1\nsource: ' shop '\n"), "source").value() == "shop");
  CHECK(TopLevelText(files.Yaml("a: {source: x}\n"), "source").value().empty());
  CHECK(TopLevelText(files.Yaml(""), "source").value().empty());
  CHECK_FALSE(TopLevelText(files.Yaml("a: [\n"), "source"));
}

}  // namespace
}  // namespace spawnd::client
