/// A start of the daemon after its predecessor was killed somewhere in the middle: what is left on disk and
/// in the catalog ends up whole or gone. No keeper runs here; tests/end_to_end has those.
#include "daemon/reconcile.h"

#include <sys/syscall.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <vector>

#include "base/file.h"
#include "daemon/store/lost_and_found.h"
#include "tests/support/catch.h"
#include "tests/support/in_child.h"
#include "tests/unit/daemon/machine.h"

namespace spawnd::daemon {
namespace {

using testing::WithFailingCall;

const std::string kKnownLayer(32, 'a');
const std::string kUnknownLayer(32, 'b');

TEST_CASE("reconcile: an image half built is gone, with all its files") {
  Machine machine;
  const StoreLayout& layout = machine.layout;
  const int64_t whole = machine.CompletedImage("whole", kKnownLayer);
  const int64_t half = machine.PendingImage("half");
  REQUIRE(machine.catalog->images.Lease(half, kUnknownLayer));
  for (const std::string& path : {layout.ImageIndex(half) + ".tmp", layout.ImageLog(half),
                                  layout.Layer(kUnknownLayer), layout.Layer(kUnknownLayer) + ".tmp"}) {
    Machine::Touch(path);
  }
  REQUIRE(PosixFileSystem().CreateDirectory(layout.Build(half)));
  Machine::Touch(layout.Build(half) + "/journal");

  REQUIRE(machine.Reconcile());
  CHECK(machine.RunUntil([&] { return !machine.catalog->images.ById(half).has_value(); }));
  CHECK(PosixFileSystem().List(layout.Builds())->empty());
  CHECK(PosixFileSystem().List(layout.Logs())->empty());
  CHECK(*PosixFileSystem().List(layout.Images()) ==
        std::vector<std::string>{std::to_string(whole) + ".index"});
  CHECK(*PosixFileSystem().List(layout.Layers()) == std::vector<std::string>{kKnownLayer + ".layer"});
  CHECK_FALSE(Machine::Exists(layout.LostAndFound()));
}

/// What lost+found has, as a state directory of its own; there is one date.
StoreLayout Kept(const StoreLayout& layout) {
  const auto dates = PosixFileSystem().List(layout.LostAndFound());
  REQUIRE(dates);
  REQUIRE(dates->size() == 1);
  return StoreLayout(layout.LostAndFound() + "/" + dates->front());
}

TEST_CASE("reconcile: an image that is whole is kept, though its row says pending") {
  Machine machine;
  const StoreLayout& layout = machine.layout;
  const int64_t id = machine.PendingImage("late");
  REQUIRE(machine.catalog->images.Lease(id, kUnknownLayer));
  for (const std::string& path : {layout.ImageIndex(id), layout.ImageLog(id), layout.Layer(kUnknownLayer)}) {
    Machine::Touch(path);
  }
  REQUIRE(machine.Reconcile());
  CHECK_FALSE(machine.catalog->images.ById(id).has_value());
  const StoreLayout kept = Kept(layout);
  CHECK(Machine::Exists(kept.ImageIndex(id)));
  CHECK(Machine::Exists(kept.ImageLog(id)));
  CHECK(Machine::Exists(kept.Layer(kUnknownLayer)));
  CHECK(PosixFileSystem().List(layout.Images())->empty());
}

TEST_CASE("reconcile: what the catalog knows and misses comes back from lost+found") {
  Machine machine;
  const StoreLayout& layout = machine.layout;
  const int64_t image = machine.CompletedImage("demo", kKnownLayer);
  const int64_t id = machine.CreatingContainer(image);
  REQUIRE(machine.catalog->containers.SetState(id, ContainerState::kFailed, "x"));
  LostAndFound lost(layout, 1'700'000'000);
  for (const std::string& path :
       {layout.ImageIndex(image), layout.Layer(kKnownLayer), layout.Container(id)}) {
    REQUIRE(lost.Keep(path));
    REQUIRE_FALSE(Machine::Exists(path));
  }
  REQUIRE(machine.Reconcile());
  for (const std::string& path :
       {layout.ImageIndex(image), layout.Layer(kKnownLayer), layout.Container(id) + "/data"}) {
    INFO(path);
    CHECK(Machine::Exists(path));
  }
  CHECK(PosixFileSystem().List(layout.LostAndFound())->empty());
}

TEST_CASE("reconcile: no id is given that something on the disk has, known or not") {
  for (const bool aside : {false, true}) {
    Machine machine;
    const std::string folder = machine.layout.Container(20'000);
    REQUIRE(PosixFileSystem().CreateDirectory(folder));
    if (aside) REQUIRE(LostAndFound(machine.layout, 1'700'000'000).Keep(folder));
    Machine::Touch(machine.layout.Root() + "/notes");
    REQUIRE(machine.Reconcile());
    CHECK(*machine.catalog->NewId() == 20'001);
  }
}

TEST_CASE("reconcile: files that we did not make stay") {
  Machine machine;
  const StoreLayout& layout = machine.layout;
  const std::vector<std::string> foreign{layout.Images() + "/notes.txt", layout.Layers() + "/lost+found",
                                         layout.Layers() + "/" + kUnknownLayer,
                                         layout.Containers() + "/README", layout.Builds() + "/x"};
  for (const std::string& path : foreign) Machine::Touch(path);
  REQUIRE(machine.Reconcile());
  for (const std::string& path : foreign) {
    INFO(path);
    CHECK(Machine::Exists(path));
  }
}

TEST_CASE("reconcile: a container half created is gone, row, files and port") {
  Machine machine;
  const int64_t id = machine.CreatingContainer(machine.CompletedImage("demo", kKnownLayer));
  REQUIRE(machine.Reconcile());
  CHECK(machine.RunUntil([&] { return !machine.catalog->containers.ById(id).has_value(); }));
  CHECK_FALSE(Machine::Exists(machine.layout.Container(id)));
  CHECK(machine.catalog->containers.UsedPorts()->empty());
}

TEST_CASE("reconcile: a directory whose container no row names is kept") {
  Machine machine;
  const std::string orphan = machine.layout.Container(4711);
  REQUIRE(PosixFileSystem().CreateDirectory(orphan));
  Machine::Touch(orphan + "/data");
  REQUIRE(machine.Reconcile());
  CHECK_FALSE(Machine::Exists(orphan));
  CHECK(Machine::Exists(Kept(machine.layout).Container(4711) + "/data"));
}

TEST_CASE("reconcile: a directory stays as long as nobody can know whether a keeper writes there") {
  const std::string left = WithFailingCall(SYS_flock, EIO, [] {
    Machine machine;
    const std::string orphan = machine.layout.Container(4711);
    if (!PosixFileSystem().CreateDirectory(orphan)) return std::string("no directory");
    Machine::Touch(orphan + "/keeper.lock");
    Machine::Touch(orphan + "/data");
    if (!machine.Reconcile()) return std::string("no reconciliation");
    return std::string(Machine::Exists(orphan + "/data") ? "data" : "nothing");
  });
  CHECK(left == "data");
}

TEST_CASE("a container whose keeper may be there is not started a second time") {
  const std::string state = WithFailingCall(SYS_flock, EIO, [] {
    Machine machine;
    const int64_t id = machine.CreatingContainer(machine.CompletedImage("demo", kKnownLayer));
    Machine::Touch(machine.layout.Container(id) + "/keeper.lock");
    if (!machine.catalog->containers.SetState(id, ContainerState::kRunning)) return std::string("no state");
    if (!machine.Reconcile()) return std::string("no reconciliation");
    machine.RunFor(std::chrono::milliseconds(300));
    return std::string(ContainerStateName(machine.catalog->containers.ById(id)->state));
  });
  CHECK(state == "running");
}

TEST_CASE("an image that goes while the daemon stops is gone at the next start") {
  Machine before;
  const int64_t image = before.CompletedImage("demo", kKnownLayer);
  before.removals->Stop();  // what a build has posted before is still to come
  REQUIRE(before.images.Delete(image));
  CHECK(Machine::Exists(before.layout.Layer(kKnownLayer)));
  Machine after(before.scratch.Path());
  REQUIRE(after.Reconcile());
  CHECK(after.RunUntil([&] { return !after.catalog->images.ById(image).has_value(); }));
  CHECK_FALSE(Machine::Exists(after.layout.Layer(kKnownLayer)));
  CHECK_FALSE(Machine::Exists(after.layout.ImageIndex(image)));
}

TEST_CASE("reconcile: deletions are finished, the image's after its container's") {
  Machine machine;
  const StoreLayout& layout = machine.layout;
  const int64_t image = machine.CompletedImage("demo", kKnownLayer);
  const int64_t id = machine.CreatingContainer(image);
  REQUIRE(machine.catalog->containers.MarkDeleting(id));
  REQUIRE(machine.catalog->images.MarkDeleting(image));
  REQUIRE(machine.Reconcile());
  CHECK(machine.RunUntil([&] { return !machine.catalog->images.ById(image).has_value(); }));
  CHECK_FALSE(machine.catalog->containers.ById(id).has_value());
  CHECK_FALSE(Machine::Exists(layout.Layer(kKnownLayer)));
  CHECK_FALSE(Machine::Exists(layout.ImageIndex(image)));
}

TEST_CASE("reconcile: of two images that go at once the layer that they share goes, too") {
  Machine machine;
  const int64_t first = machine.CompletedImage("first", kKnownLayer);
  const int64_t second = machine.CompletedImage("second", kKnownLayer);
  REQUIRE(machine.images.Delete(first));
  REQUIRE(machine.images.Delete(second));
  CHECK(machine.RunUntil([&] { return machine.catalog->images.List(Rows::kAll)->empty(); }));
  CHECK_FALSE(Machine::Exists(machine.layout.Layer(kKnownLayer)));
}

TEST_CASE("reconcile: a layer stays as long as another image refers to it") {
  Machine machine;
  const StoreLayout& layout = machine.layout;
  const int64_t first = machine.CompletedImage("first", kKnownLayer);
  const int64_t second = machine.CompletedImage("second", kKnownLayer);
  REQUIRE(machine.images.Delete(first));
  CHECK(machine.RunUntil([&] { return !Machine::Exists(layout.ImageIndex(first)); }));
  CHECK(Machine::Exists(layout.Layer(kKnownLayer)));
  REQUIRE(machine.images.Delete(second));
  CHECK(machine.RunUntil([&] { return !Machine::Exists(layout.Layer(kKnownLayer)); }));
}

TEST_CASE("reconcile: a running container that cannot come back says why") {
  Machine machine;
  const int64_t id = machine.CreatingContainer(machine.CompletedImage("demo", kKnownLayer));
  // An engine that no machine has: the launch fails before any keeper is started.
  REQUIRE(machine.catalog->containers.SetState(id, ContainerState::kRunning));
  REQUIRE(machine.Reconcile());
  CHECK(machine.RunUntil([&] {
    const auto row = machine.catalog->containers.ById(id);
    return row && row->state == ContainerState::kRestarting && !row->detail.empty();
  }));
  CHECK(Machine::Exists(machine.layout.Container(id) + "/data"));
}

TEST_CASE("reconcile: a lost catalog does not cost the data") {
  Machine machine;
  REQUIRE(RemoveFile(machine.layout.Catalog()));
  CHECK(CheckStoreHasCatalog(machine.layout, true));
  machine.CompletedImage("demo", kKnownLayer);
  const auto refused = CheckStoreHasCatalog(machine.layout, true);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kCorrupt);
  CHECK(refused.error().hint.find("--rebuild-catalog") < refused.error().hint.find("--accept-older-catalog"));
  CHECK(CheckStoreHasCatalog(machine.layout, false));
}

}  // namespace
}  // namespace spawnd::daemon
