/// Things in lost+found: shown by their manifests, counted by hours that a daemon ran, taken back, thrown
/// away.
#include "daemon/store/lost_things.h"

#include <filesystem>
#include <fstream>

#include "daemon/store/lost_and_found.h"
#include "daemon/store/manifest_file.h"
#include "daemon/upkeep/lost_hours.h"
#include "tests/unit/daemon/machine.h"

namespace spawnd::daemon {
namespace {

struct WithLost : Machine {
  WithLost() {
    image = CompletedImage("shop", std::string(32, 'a'));
    container = CreatingContainer(image);
    REQUIRE(catalog->containers.SetState(container, ContainerState::kFailed, "x"));
    for (const ManifestOf which :
         {ManifestOf{ManifestKind::kImage, image}, {ManifestKind::kContainer, container}})
      REQUIRE(WriteManifest(layout, which, **ManifestFor(*catalog, which)));
  }
  void Lose(std::time_t when) {
    LostAndFound lost(layout, when);
    REQUIRE(lost.Keep(layout.Container(container)));
    REQUIRE(catalog->containers.Remove(container));
  }
  int64_t image = 0;
  int64_t container = 0;
};

ErrorCode CodeOfRestore(WithLost& machine, int64_t id) {
  const auto restored = RestoreLost(machine.layout, *machine.catalog, id);
  REQUIRE_FALSE(restored);
  return restored.error().code;
}

TEST_CASE("lost things: hours of a daemon count, whatever the clock says") {
  WithLost machine;
  machine.Lose(1'000'000'000);  // years ago, by a clock that was wrong
  REQUIRE(PosixFileSystem().CreateDirectory(machine.layout.LostAndFound() + "/mine"));
  for (int64_t hour = 1; hour < kHoursInLostAndFound; ++hour) {
    REQUIRE(CountHourOfLost(machine.layout)->empty());
    if (hour % 100 == 0) CHECK(ListLost(machine.layout)->front().hours_left == kHoursInLostAndFound - hour);
  }
  const auto removed = CountHourOfLost(machine.layout);
  REQUIRE(removed);
  CHECK(removed->size() == 1);
  CHECK(ListLost(machine.layout)->empty());
  CHECK(Machine::Exists(machine.layout.LostAndFound() + "/mine"));
}

TEST_CASE("lost things: a count that is damaged begins again") {
  WithLost machine;
  machine.Lose(1'700'000'000);
  const std::string hours = machine.layout.LostAndFound() + "/2023-11-14T221320Z/hours";
  for (const char* text : {"", "x", "-5\n", "99999999999999999999999\n"}) {
    std::ofstream(hours) << text;
    REQUIRE(CountHourOfLost(machine.layout)->empty());
    CHECK(ListLost(machine.layout)->front().hours_left == kHoursInLostAndFound - 1);
  }
}

TEST_CASE("lost things: a container comes back, row and files, and stays") {
  WithLost machine;
  machine.Lose(1'700'000'000);
  const auto things = ListLost(machine.layout);
  REQUIRE(things);
  REQUIRE(things->size() == 1);
  CHECK(things->front().kind == "data container");
  CHECK(things->front().name == "demo-20001");
  CHECK(CodeOfRestore(machine, 4711) == ErrorCode::kNotFound);
  const auto back = RestoreLost(machine.layout, *machine.catalog, machine.container);
  REQUIRE(back);
  CHECK(machine.catalog->containers.ById(machine.container)->name == "demo-20001");
  CHECK(Machine::Exists(machine.layout.ContainerManifest(machine.container)));
  CHECK(ListLost(machine.layout)->empty());
  REQUIRE(machine.Reconcile());
  CHECK(Machine::Exists(machine.layout.ContainerManifest(machine.container)));
  CHECK(ListLost(machine.layout)->empty());
}

TEST_CASE("lost things: what the catalog has in the way is said in words") {
  WithLost machine;
  REQUIRE(LostAndFound(machine.layout, 1'700'000'000).Keep(machine.layout.Container(machine.container)));
  const auto message = [&] {
    return RestoreLost(machine.layout, *machine.catalog, machine.container).error();
  };
  CHECK(message().code == ErrorCode::kAlreadyExists);
  CHECK(message().message.find("is in the catalog already") != std::string::npos);
  REQUIRE(machine.catalog->containers.Remove(machine.container));
  machine.next_port = 20001;
  const int64_t other = machine.CreatingContainer(machine.image);
  CHECK(message().code == ErrorCode::kAlreadyExists);
  CHECK(message().message.find("another has its name or its port") != std::string::npos);
  REQUIRE(machine.catalog->containers.Remove(other));
  CHECK(RestoreLost(machine.layout, *machine.catalog, machine.container));
}

TEST_CASE("lost things: an image comes back with its layers") {
  WithLost machine;
  const std::string layer(32, 'a');
  const std::vector<std::string> paths{machine.layout.ImageIndex(machine.image),
                                       machine.layout.ImageManifest(machine.image),
                                       machine.layout.Layer(layer)};
  LostAndFound lost(machine.layout, 1'700'000'000);
  for (const std::string& path : paths) REQUIRE(lost.Keep(path));
  REQUIRE(machine.catalog->containers.Remove(machine.container));
  REQUIRE(machine.catalog->images.Remove(machine.image));
  REQUIRE(RestoreLost(machine.layout, *machine.catalog, machine.image));
  for (const std::string& path : paths) CHECK(Machine::Exists(path));
  CHECK(machine.catalog->images.ById(machine.image)->state == ImageState::kCompleted);
}

TEST_CASE("lost things: an image goes with the layers that only it has, and a date with all of it") {
  WithLost machine;
  LostAndFound lost(machine.layout, 1'700'000'000);
  const std::string layer(32, 'a');
  for (const std::string& path : {machine.layout.ImageIndex(machine.image),
                                  machine.layout.ImageManifest(machine.image), machine.layout.Layer(layer)})
    REQUIRE(lost.Keep(path));
  // An index that cannot be read does not say whose the layer is.
  CHECK(ListLost(machine.layout)->size() == 2);
  CHECK(*DeleteLost(machine.layout, std::to_string(machine.image)) == 1);
  REQUIRE(ListLost(machine.layout)->size() == 1);
  CHECK(ListLost(machine.layout)->front().id == layer);
  CHECK_FALSE(DeleteLost(machine.layout, "../../containers"));
  CHECK_FALSE(DeleteLost(machine.layout, "2020-01-01T000000Z"));
  CHECK(*DeleteLost(machine.layout, "2023-11-14T221320Z") == 1);
  CHECK(PosixFileSystem().List(machine.layout.LostAndFound())->empty());
}

TEST_CASE("lost things: the daemon counts") {
  WithLost machine;
  machine.Lose(1'700'000'000);
  LostHours hours(machine.layout, *machine.removals);
  REQUIRE(hours.Start(machine.loop->Get(), std::chrono::milliseconds(1)));
  CHECK(machine.RunUntil([&] { return ListLost(machine.layout)->empty(); }));
}

}  // namespace
}  // namespace spawnd::daemon
