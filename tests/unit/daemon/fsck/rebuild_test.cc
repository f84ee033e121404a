/// A catalog made of manifests, where there was none.
#include "daemon/fsck/rebuild.h"

#include <filesystem>

#include "daemon/catalog/event_ids.h"
#include "daemon/store/generation.h"
#include "daemon/store/manifest_file.h"
#include "daemon/upkeep/manifests.h"
#include "tests/unit/daemon/machine.h"

namespace spawnd::daemon {
namespace {

TEST_CASE("rebuild: of manifests that a daemon wrote, and what has none is named") {
  const ScratchDirectory kept;
  int64_t image = 0;
  int64_t container = 0;
  int64_t known = 0;
  {
    Machine machine(kept.Path());
    Manifests manifests(machine.layout, *machine.catalog, *machine.removals, *machine.mailbox,
                        machine.loop->Get(), std::chrono::milliseconds(5));
    const int64_t early = machine.CompletedImage("early", std::string(32, 'a'));
    REQUIRE(manifests.Start());
    image = machine.CompletedImage("shop", std::string(32, 'b'));
    const int64_t gone = machine.CompletedImage("gone", std::string(32, 'd'));
    container = machine.CreatingContainer(image);
    REQUIRE(machine.catalog->containers.SetState(container, ContainerState::kRunning));
    const int64_t creating = machine.CreatingContainer(image);
    for (const ManifestOf which : {ManifestOf{ManifestKind::kImage, early},
                                   {ManifestKind::kImage, image},
                                   {ManifestKind::kContainer, container}})
      CHECK(machine.RunUntil([&] { return Machine::Exists(ManifestPath(machine.layout, which)); }));
    CHECK_FALSE(Machine::Exists(machine.layout.ContainerManifest(creating)));
    // A change is written too, and what is deleted loses its manifest.
    REQUIRE(machine.catalog->containers.Update(container, {.name = "renamed", .expires_at = {}}));
    CHECK(machine.RunUntil([&] {
      return ReadManifest(machine.layout, {ManifestKind::kContainer, container})->find("renamed") !=
             std::string::npos;
    }));
    REQUIRE(machine.images.Delete(gone));
    CHECK(machine.RunUntil([&] { return !machine.catalog->images.ById(gone).has_value(); }));
    machine.RunFor(std::chrono::milliseconds(50));
    CHECK_FALSE(Machine::Exists(machine.layout.ImageManifest(gone)));
    REQUIRE(NextGeneration(machine.layout, *machine.catalog));
    known = *LastEventId(machine.layout.Catalog());
    CHECK(known > 5);
  }
  const StoreLayout layout(kept / "state");
  CHECK_FALSE(MakeCatalogOfManifests(layout));
  CHECK(std::filesystem::exists(layout.Catalog()));
  std::filesystem::rename(layout.Catalog(), kept / "aside");
  std::filesystem::remove(layout.Catalog() + "-wal");
  std::filesystem::remove(layout.Catalog() + "-shm");
  REQUIRE(PosixFileSystem().CreateDirectory(layout.Container(20'000)));
  const auto rebuilt = MakeCatalogOfManifests(layout);
  REQUIRE(rebuilt);
  CHECK(rebuilt->images == 2);
  CHECK(rebuilt->containers == 1);
  REQUIRE(rebuilt->missing.size() == 2);  // the one that was being created, and a folder without anything
  CHECK(rebuilt->missing.back().find("data container 20000: ") == 0);
  const auto catalog = Catalog::Open(layout.Catalog());
  REQUIRE(catalog);
  CHECK((*catalog)->images.ById(image)->name == "shop");
  CHECK((*catalog)->containers.ById(container)->name == "renamed");
  CHECK_FALSE(CatalogIsOlder(layout, **catalog)->has_value());
  CHECK(*(*catalog)->NewId() == 20'001);
  // It tells of nothing, and the next event's id was never given.
  const auto reader = std::move(*EventReader::Open(layout.Catalog()));
  const auto events = reader->WhatIsKept().value();
  CHECK(events.newest == known + kEventIdsPassedOver);
  CHECK(events.oldest == events.newest + 1);
  REQUIRE((*catalog)->images.Update(image, {.name = "again", .tags = {}, .teams = {}, .expires_at = {}}));
  CHECK(reader->After(0, 10)->front().id == events.newest + 1);
}

}  // namespace
}  // namespace spawnd::daemon
