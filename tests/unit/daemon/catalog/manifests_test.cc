/// What a catalog knows of an image or a container, as a text, and a catalog of such texts: the same.
#include "daemon/catalog/manifests.h"

#include <set>

#include "tests/support/scratch_directory.h"
#include "tests/unit/daemon/catalog/faults.h"
#include "tests/unit/daemon/catalog/sample_rows.h"

namespace spawnd::daemon {
namespace {

/// An image and a container that have something in every column.
struct Sample {
  Sample() {
    image = Completed(*catalog, "shop \"quoted\", ä", {"latest", "v1"});
    ContainerRow row = NewContainer("demo", image, 20001);
    row.limits.memory_bytes = 123;
    container = catalog->containers.Insert(row).value();
    REQUIRE(catalog->containers.Complete(container, 12.5, {{"keeper", 6.25}}, 1'700'000'020));
    REQUIRE(
        catalog->containers.NoteSaved(container, {{.number = 1, .created_at = 50, .unique_bytes = 4096}}));
  }
  ScratchDirectory scratch;
  std::unique_ptr<Catalog> catalog = Open(scratch / "catalog.db");
  int64_t image = 0;
  int64_t container = 0;
};

/// Without the counters and what has happened, which no manifest has.
std::string Rows(const std::string& path) {
  std::string text = Dump(path);
  const size_t events = text.find("events|");
  if (events != std::string::npos) text.erase(events);
  for (size_t at = 0; (at = text.find("counters|", at)) != std::string::npos;)
    text.erase(at, text.find('\n', at) + 1 - at);
  return text;
}

TEST_CASE("manifests: a catalog that is made of them has all that the first had") {
  Sample sample;
  const auto of_image = sample.catalog->manifests.Of({ManifestKind::kImage, sample.image});
  const auto of_container = sample.catalog->manifests.Of({ManifestKind::kContainer, sample.container});
  REQUIRE(of_image);
  REQUIRE(of_container);
  {
    const auto made = Open(sample.scratch / "made.db");
    const auto early = made->manifests.Insert(*of_container);
    CHECK(CodeOf(early) == ErrorCode::kNotFound);
    REQUIRE(made->manifests.Insert(*of_image));
    REQUIRE(made->manifests.Insert(*of_container));
    CHECK(CodeOf(made->manifests.Insert(*of_image)) == ErrorCode::kAlreadyExists);
    CHECK(*made->manifests.Of({ManifestKind::kContainer, sample.container}) == *of_container);
    CHECK(made->CheckIntegrity()->empty());
  }
  sample.catalog.reset();
  CHECK(Rows(sample.scratch / "made.db") == Rows(sample.scratch / "catalog.db"));
  const auto summary = SummaryOfManifest(*of_container);
  REQUIRE(summary);
  CHECK(summary->name == "demo");
  CHECK(summary->owner == 1000);
  CHECK(summary->image_id == sample.image);
}

TEST_CASE("manifests: a tag that a newer image has stays with that") {
  Sample sample;
  const std::string older = *sample.catalog->manifests.Of({ManifestKind::kImage, sample.image});
  const auto made = Open(sample.scratch / "made.db");
  REQUIRE(made->SkipIds(20'000));
  const int64_t newer = Completed(*made, "shop \"quoted\", ä", {"latest"});
  REQUIRE(made->manifests.Insert(older));
  CHECK(made->images.ById(newer)->tags == std::vector<std::string>{"latest"});
  CHECK(made->images.ById(sample.image)->tags == std::vector<std::string>{"v1"});
}

TEST_CASE("manifests: one of an older schema comes up to now, one of a newer is refused, nonsense is none") {
  const ScratchDirectory scratch;
  const auto catalog = Open(scratch / "catalog.db");
  const std::string older =
      R"({"format":1,"schema":9,"images":[{"id":10001,"name":"shop","state":"completed","engine":"redis",)"
      R"("engine_version":"7","version_text":"","owner":7,"durability":"everysec","network":"","tls":0,"superuser":1,)"
      R"("limits":"{}","initial_database":"","database_name":"","created_at":1,"expires_at":0,"data_bytes":1,)"
      R"("disk_bytes":1,"index_file":"10001.index","cache_key":"","detail":""}],"image_tags":[],"image_teams":[],)"
      R"("image_layers":[{"image_id":10001,"layer_id":"l1"}]})";
  REQUIRE(catalog->manifests.Insert(older));
  CHECK(catalog->images.ById(10001)->owner == 7);
  CHECK(*catalog->images.LayersOf(10001) == std::vector<std::string>{"l1"});
  std::string newer = older;
  newer.replace(newer.find(":9,"), 3, ":99,");
  CHECK(CodeOf(catalog->manifests.Insert(newer)) == ErrorCode::kUnsupported);
  for (const char* nonsense :
       {"", "{", "[]", "7", "null", R"({"format":1})", R"({"format":1,"schema":10})",
        R"({"format":1,"schema":10,"images":7})", R"({"format":1,"schema":10,"images":[{}]})",
        R"({"format":1,"schema":10,"images":[{"id":"x"}]})"}) {
    INFO(nonsense);
    CHECK(CodeOf(catalog->manifests.Insert(nonsense)) == ErrorCode::kCorrupt);
  }
  CHECK(catalog->images.List()->size() == 1);
}

TEST_CASE("manifests: whatever changes in one is told, and what is not in one is not") {
  Sample sample;
  std::set<ManifestOf> changed;
  REQUIRE(sample.catalog->manifests.WatchChanges([&](ManifestOf which) { changed.insert(which); }));
  const auto told = [&](bool worked) {
    REQUIRE(worked);
    return std::exchange(changed, {});
  };
  const std::set<ManifestOf> image{{ManifestKind::kImage, sample.image}};
  const std::set<ManifestOf> container{{ManifestKind::kContainer, sample.container}};
  Catalog& c = *sample.catalog;
  CHECK(told(c.images.Update(sample.image, {.name = "", .tags = {"new"}, .teams = {}, .expires_at = {}})
                 .has_value()) == image);
  CHECK(told(c.images.Update(sample.image, {.name = "", .tags = {}, .teams = {"t"}, .expires_at = {}})
                 .has_value()) == image);
  CHECK(told(c.images.Update(sample.image, {.name = "", .tags = {}, .teams = {}, .expires_at = 9})
                 .has_value()) == image);
  CHECK(told(c.containers.Update(sample.container, {.name = "other", .expires_at = {}}).has_value()) ==
        container);
  CHECK(told(c.containers.NoteSaved(sample.container, {{.number = 2}}).has_value()) == container);
  CHECK(told(c.NewId().has_value()).empty());
  CHECK(told(c.tokens.Insert({.hash = "abc", .purpose = "ci", .owner = 1000}).has_value()).empty());
  CHECK(told(c.containers.Remove(sample.container).has_value()) == container);
}

}  // namespace
}  // namespace spawnd::daemon
