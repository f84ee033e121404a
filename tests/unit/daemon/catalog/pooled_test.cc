/// Containers that are nobody's yet, as the catalog has them.
#include "tests/support/scratch_directory.h"
#include "tests/unit/daemon/catalog/sample_rows.h"

namespace spawnd::daemon {
namespace {

ContainerRow NewPooled(int64_t image, uint16_t port) {
  ContainerRow row = NewContainer("pooled:" + std::to_string(port), image, port);
  row.pooled = true;
  row.created_at = 1'700'000'100;
  return row;
}

TEST_CASE("a pooled container is in no list, keeps no image, and becomes somebody's at once") {
  const ScratchDirectory scratch;
  const auto catalog = Open(scratch.Path() + "/catalog.db");
  ContainerTable& containers = catalog->containers;
  const int64_t image = Completed(*catalog, "shop");
  ContainerRow row = NewPooled(image, 20001);
  row.id = containers.Insert(row).value();
  row.name = "demo";
  row.owner = 1234;
  CHECK_FALSE(containers.HandOver(row));  // it does not run yet
  REQUIRE(containers.Complete(row.id, 1, {}, 0));
  CHECK(containers.List()->empty());
  CHECK(containers.List(Rows::kAll)->size() == 1);
  CHECK(containers.Pooled()->size() == 1);
  CHECK(containers.Pooled(image)->size() == 1);
  CHECK(containers.Pooled(image + 1)->empty());
  CHECK(containers.Find(std::to_string(row.id)).error().code == ErrorCode::kNotFound);
  CHECK(catalog->images.Expired(1'900'000'000).value() == std::vector<int64_t>{image});
  CHECK(catalog->images.ById(image)->used_at == 0);

  ContainerRow other = NewContainer("demo", image, 20002);
  other.owner = 1234;
  other.created_at = 1'700'000'200;
  other.id = containers.Insert(other).value();
  CHECK(containers.HandOver(row).error().code == ErrorCode::kAlreadyExists);
  REQUIRE(containers.MarkDeleting(other.id));
  row.expires_at = 1'700'009'000;
  row.created_at = 1'700'000'230;
  row.limits.pids = 77;
  REQUIRE(containers.HandOver(row));
  CHECK_FALSE(containers.HandOver(row));  // once
  const auto given = containers.Find("demo");
  REQUIRE(given);
  CHECK(given->id == row.id);
  CHECK_FALSE(given->pooled);
  CHECK(given->started_ahead);
  CHECK(given->owner == 1234);
  CHECK(given->limits.pids == 77);
  CHECK(given->expires_at == 1'700'009'000);
  CHECK(containers.Pooled()->empty());
  CHECK(catalog->images.ById(image)->used_at == 1'700'000'200);  // not again within a minute
  CHECK(catalog->images.MarkDeleting(image).error().code == ErrorCode::kInUse);
}

TEST_CASE("an image that goes is not kept by its pool, and gives none of it any more") {
  const ScratchDirectory scratch;
  const auto catalog = Open(scratch.Path() + "/catalog.db");
  const int64_t image = Completed(*catalog, "shop");
  ContainerRow row = NewPooled(image, 20001);
  row.id = catalog->containers.Insert(row).value();
  REQUIRE(catalog->containers.Complete(row.id, 1, {}, 0));
  REQUIRE(catalog->images.MarkDeleting(image));
  CHECK_FALSE(catalog->containers.HandOver(row));
  CHECK(catalog->images.Remove(image).error().code == ErrorCode::kInUse);
}

TEST_CASE("which images are to have a pool") {
  const ScratchDirectory scratch;
  const auto catalog = Open(scratch.Path() + "/catalog.db");
  const int64_t silent = Completed(*catalog, "silent");
  const int64_t warm = Completed(*catalog, "warm");
  const int64_t cold = Completed(*catalog, "cold");
  Pending(*catalog, "pending");
  ImageChange change;
  change.warm = 2;
  REQUIRE(catalog->images.Update(warm, change));
  change.warm = 0;
  REQUIRE(catalog->images.Update(cold, change));
  const auto wanted = [&](int64_t by_default, int64_t since) {
    std::vector<std::pair<int64_t, int64_t>> pairs;
    const auto pools = catalog->images.WantedPools(by_default, since);
    REQUIRE(pools);
    for (const auto& [id, count] : *pools) pairs.emplace_back(id, count);
    return pairs;
  };
  using Pairs = std::vector<std::pair<int64_t, int64_t>>;
  CHECK(wanted(1, 1) == Pairs{{warm, 2}});
  ContainerRow row = NewContainer("a", silent, 20001);
  row.created_at = 5000;
  REQUIRE(catalog->containers.Insert(row));
  CHECK(wanted(1, 5000) == Pairs{{silent, 1}, {warm, 2}});  // the one that was used last first
  CHECK(wanted(1, 5001) == Pairs{{warm, 2}});
  CHECK(wanted(0, 1) == Pairs{{warm, 2}});
}

}  // namespace
}  // namespace spawnd::daemon
