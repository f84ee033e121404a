/// Things go to lost+found and come back, under one name whatever was there before.
#include "daemon/store/lost_and_found.h"

#include <fstream>
#include <iterator>

#include "base/file.h"
#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::daemon {
namespace {

constexpr std::time_t kNow = 1'700'000'000;

void Write(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
}
std::string Content(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_CASE("lost+found: the date is in the name, and what is there already stays") {
  const ScratchDirectory scratch;
  const StoreLayout layout(scratch / "state");
  REQUIRE(layout.Prepare());
  Write(layout.ImageIndex(7), "first");
  CHECK(*LostAndFound(layout, kNow).Keep(layout.ImageIndex(7)) ==
        layout.LostAndFound() + "/2023-11-14T221320Z/store/images/7.index");
  Write(layout.ImageIndex(7), "second");
  CHECK(*LostAndFound(layout, kNow).Keep(layout.ImageIndex(7)) ==
        layout.LostAndFound() + "/2023-11-14T221320Z.1/store/images/7.index");
  CHECK_FALSE(*PosixFileSystem().Exists(layout.ImageIndex(7)));
}

TEST_CASE("lost+found: the newest comes back, and never over something") {
  const ScratchDirectory scratch;
  const StoreLayout layout(scratch / "state");
  REQUIRE(layout.Prepare());
  LostAndFound lost(layout, kNow);
  CHECK_FALSE(lost.TakeBack(layout.Container(7))->has_value());
  for (const int day : {1, 0}) {
    REQUIRE(PosixFileSystem().CreateDirectory(layout.Container(7)));
    Write(layout.Container(7) + "/data", std::to_string(day));
    REQUIRE(LostAndFound(layout, kNow + day * 86'400).Keep(layout.Container(7)));
  }
  Write(layout.LostAndFound() + "/zzz", "somebody's own");
  CHECK(lost.TakeBack(layout.Container(7))->has_value());
  CHECK(Content(layout.Container(7) + "/data") == "1");
  CHECK_FALSE(lost.TakeBack(layout.Container(7))->has_value());
  CHECK(Content(layout.Container(7) + "/data") == "1");
  // Its date is empty now and has gone with it.
  CHECK(*PosixFileSystem().List(layout.LostAndFound()) ==
        std::vector<std::string>{"2023-11-14T221320Z", "zzz"});
}

}  // namespace
}  // namespace spawnd::daemon
