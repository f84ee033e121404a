/// Manifests of a daemon that stops: whatever a change has made due is written, whether it waits, is being
/// written or was given up.
#include "daemon/upkeep/manifests.h"

#include <chrono>
#include <string>

#include "daemon/store/manifest_file.h"
#include "tests/unit/daemon/machine.h"

namespace spawnd::daemon {
namespace {

const std::string kLayer(32, 'a');

bool SaysWhatTheCatalogSays(Machine& machine, ManifestOf which) {
  const auto manifest = ReadManifest(machine.layout, which);
  return manifest && *manifest == **ManifestFor(*machine.catalog, which);
}

TEST_CASE("manifests: what is due when a daemon stops is written") {
  Machine machine;
  Manifests manifests(machine.layout, *machine.catalog, *machine.removals, *machine.mailbox,
                      machine.loop->Get(), std::chrono::hours(1));
  REQUIRE(manifests.Start());
  const ManifestOf image{ManifestKind::kImage, machine.CompletedImage("shop", kLayer)};
  const ManifestOf container{ManifestKind::kContainer, machine.CreatingContainer(image.id)};
  const int64_t half_made = machine.CreatingContainer(image.id);
  REQUIRE(machine.catalog->containers.SetState(container.id, ContainerState::kFailed, "x"));
  CHECK_FALSE(ReadManifest(machine.layout, image));
  machine.removals->Stop();
  manifests.Finish();
  CHECK(SaysWhatTheCatalogSays(machine, image));
  CHECK(SaysWhatTheCatalogSays(machine, container));
  CHECK_FALSE(Machine::Exists(machine.layout.ContainerManifest(half_made)));
  REQUIRE(machine.catalog->containers.SetState(container.id, ContainerState::kFailed, "y"));
  manifests.Finish();
  CHECK(SaysWhatTheCatalogSays(machine, container));
}

TEST_CASE("manifests: what a job was to write when the jobs stopped is written") {
  Machine machine;
  Manifests manifests(machine.layout, *machine.catalog, *machine.removals, *machine.mailbox,
                      machine.loop->Get(), std::chrono::milliseconds(1));
  REQUIRE(manifests.Start());
  machine.removals->Stop();  // whatever comes later is dropped
  const ManifestOf image{ManifestKind::kImage, machine.CompletedImage("shop", kLayer)};
  machine.RunFor(std::chrono::milliseconds(50));
  CHECK_FALSE(ReadManifest(machine.layout, image));
  manifests.Finish();
  CHECK(SaysWhatTheCatalogSays(machine, image));
}

}  // namespace
}  // namespace spawnd::daemon
