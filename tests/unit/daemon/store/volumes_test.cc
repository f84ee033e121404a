#include "daemon/store/volumes.h"

#include <algorithm>
#include <fstream>
#include <string>

#include "base/file.h"
#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::daemon {
namespace {

constexpr int64_t kId = 10001;

struct Container {
  Container() : layout(scratch / "state") {
    REQUIRE(layout.Prepare());
    REQUIRE(PosixFileSystem().CreateDirectory(layout.Container(kId)));
  }
  ScratchDirectory scratch;
  StoreLayout layout;
};

TEST_CASE("volumes: their names are ours, and none comes twice") {
  const std::string name = NewVolumeName();
  CHECK(VolumeNumber(name) > 0);
  CHECK(name != NewVolumeName());
  for (const char* other : {"", "v", "v0", "v01", "V1", "v-1", "v1.tmp", "delta", "v99999999999"}) {
    INFO(other);
    CHECK(VolumeNumber(other) == 0);
  }
}

TEST_CASE("volumes: each says what it lies on, down to the image") {
  const Container container;
  const StoreLayout& layout = container.layout;
  REQUIRE(MakeVolume(layout, kId, "v1", HeldRevision{2, ""}));
  REQUIRE(MakeVolume(layout, kId, "v2", HeldRevision{5, "v1"}));
  REQUIRE(MakeVolume(layout, kId, "v3", std::nullopt));
  auto volumes = VolumesOf(layout, kId);
  CHECK(volumes.front().empty());
  std::sort(volumes.begin(), volumes.end());
  CHECK(volumes == std::vector<std::string>{"", "v1", "v2", "v3"});
  CHECK(GroundOf(layout, kId, "").value().empty());
  CHECK(GroundOf(layout, kId, "v3").value().empty());
  const auto ground = GroundOf(layout, kId, "v2");
  REQUIRE(ground);
  REQUIRE(ground->size() == 2);
  CHECK(ground->at(0).directory == layout.Delta(kId, "v1"));
  CHECK(ground->at(0).number == 5);
  CHECK(ground->at(1).directory == layout.Delta(kId, ""));
  CHECK(ground->at(1).number == 2);
  CHECK(GroundOn(layout, kId, {7, "v2"}).value().size() == 3);
  CHECK(GroundOf(layout, kId, "v4").error().code == ErrorCode::kNotFound);
  // Whoever loses it must not take the image for it.
  std::ofstream(layout.Volume(kId, "v1") + "/ground") << "rev.2\n";
  CHECK(GroundOf(layout, kId, "v2").error().code == ErrorCode::kCorrupt);
  REQUIRE(RemoveVolume(layout, kId, "v2"));
  REQUIRE(RemoveVolume(layout, kId, "v2"));
  CHECK_FALSE(PosixFileSystem().Exists(layout.Volume(kId, "v2")).value());
}

TEST_CASE("volumes: one that lies on itself is refused") {
  const Container container;
  REQUIRE(MakeVolume(container.layout, kId, "v1", HeldRevision{1, "v2"}));
  REQUIRE(MakeVolume(container.layout, kId, "v2", HeldRevision{1, "v1"}));
  CHECK(GroundOf(container.layout, kId, "v2").error().code == ErrorCode::kCorrupt);
}

TEST_CASE("volumes: the first goes, and the container's folder and its manifest stay") {
  const Container container;
  const StoreLayout& layout = container.layout;
  REQUIRE(PosixFileSystem().CreateDirectory(layout.Delta(kId, "")));
  for (const char* name : {"engine.log", "keeper.lock", "manifest", "delta/data"})
    std::ofstream(layout.Container(kId) + "/" + name) << "x";
  REQUIRE(RemoveVolume(layout, kId, ""));
  CHECK(PosixFileSystem().List(layout.Container(kId)).value() == std::vector<std::string>{"manifest"});
}

}  // namespace
}  // namespace spawnd::daemon
