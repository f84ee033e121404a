#include "daemon/store/failed_logs.h"

#include <sys/stat.h>
#include <sys/time.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/file.h"
#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::daemon {
namespace {

const Error kWhy{ErrorCode::kInvalidArgument, "line 3 of 'shop.sql': no such function", "Make it first."};

struct Store {
  Store() : layout(scratch.Path() + "/state") { REQUIRE(layout.Prepare()); }

  /// What tools said in a build that failed.
  void Fails(const FailedBuild& build, const std::string& said = "== restoring\n") const {
    std::ofstream(layout.ImageLog(build.id)) << said;
    const auto kept = KeepFailedLog(layout, build, kWhy);
    REQUIRE(kept);
    REQUIRE(*kept);
  }
  size_t Kept() const { return PosixFileSystem().List(layout.FailedLogs())->size(); }
  static void Age(const std::string& path, int64_t seconds) {
    const timeval then{std::time(nullptr) - seconds, 0};
    const timeval both[2] = {then, then};
    REQUIRE(::utimes(path.c_str(), both) == 0);
  }

  ScratchDirectory scratch;
  StoreLayout layout;
};

std::string TextOf(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_CASE("failed logs: kept with the reason at the end, found by id and by name") {
  const Store store;
  store.Fails({17, 1000, "team/shop"});
  CHECK_FALSE(std::filesystem::exists(store.layout.ImageLog(17)));
  for (const char* reference : {"17", "team/shop"}) {
    const auto path = FindFailedLog(store.layout, reference, 1000);
    REQUIRE(path);
    CHECK(TextOf(*path) ==
          "== restoring\nerror: line 3 of 'shop.sql': no such function\nhint: Make it first.\n");
  }
  CHECK_FALSE(FindFailedLog(store.layout, "18", 1000));
  CHECK_FALSE(FindFailedLog(store.layout, "shop", 1000));
  CHECK_FALSE(FindFailedLog(store.layout, "", 1000));
}

TEST_CASE("failed logs: of somebody else there are none, but for who may see all") {
  const Store store;
  store.Fails({17, 1000, "shop"});
  CHECK_FALSE(FindFailedLog(store.layout, "17", 1001));
  CHECK_FALSE(FindFailedLog(store.layout, "shop", 1001));
  CHECK(FindFailedLog(store.layout, "shop", std::nullopt));
}

TEST_CASE("failed logs: the newest of a name; without words there is none") {
  const Store store;
  store.Fails({17, 0, "shop"});
  store.Fails({18, 0, "shop"}, "the second\n");
  CHECK(TextOf(*FindFailedLog(store.layout, "shop", 0)).find("the second") == 0);
  std::ofstream(store.layout.ImageLog(19)).flush();
  CHECK(KeepFailedLog(store.layout, {19, 0, "shop"}, kWhy) == false);
  CHECK(KeepFailedLog(store.layout, {20, 0, "shop"}, kWhy) == false);
}

TEST_CASE("failed logs: gone after a day, swept or not") {
  const Store store;
  store.Fails({17, 0, "shop"});
  const auto path = FindFailedLog(store.layout, "17", 0);
  REQUIRE(path);
  Store::Age(*path, kFailedLogSeconds - 60);
  REQUIRE(SweepFailedLogs(store.layout));
  CHECK(FindFailedLog(store.layout, "17", 0));
  Store::Age(*path, kFailedLogSeconds + 60);
  CHECK_FALSE(FindFailedLog(store.layout, "17", 0));
  CHECK(store.Kept() == 1);
  REQUIRE(SweepFailedLogs(store.layout));
  CHECK(store.Kept() == 0);
}

TEST_CASE("failed logs: one user cannot push out another's, and what is not ours stays") {
  const Store store;
  store.Fails({1, 1000, "early"});
  Store::Age(*FindFailedLog(store.layout, "1", 1000), 3600);
  for (int64_t id = 100; id < 130; ++id) store.Fails({id, 1001, "again"});
  CHECK(store.Kept() == 21);
  CHECK(FindFailedLog(store.layout, "129", 1001));
  CHECK_FALSE(FindFailedLog(store.layout, "100", 1001));
  CHECK(FindFailedLog(store.layout, "early", 1000));
  const std::string other = store.layout.FailedLogs() + "/notes.txt";
  std::ofstream(other) << "mine";
  Store::Age(other, 10 * kFailedLogSeconds);
  REQUIRE(SweepFailedLogs(store.layout));
  CHECK(std::filesystem::exists(other));
}

TEST_CASE("failed logs: bounded in bytes, the newest stays") {
  const Store store;
  const std::string large(size_t{15} << 20U, 'x');
  for (int64_t id = 1; id <= 6; ++id) {
    store.Fails({id, 1000, "large"}, large);
    Store::Age(*FindFailedLog(store.layout, std::to_string(id), 1000), 3600 - id);
  }
  REQUIRE(SweepFailedLogs(store.layout));
  CHECK(store.Kept() == 4);
  CHECK(FindFailedLog(store.layout, "6", 1000));
}

}  // namespace
}  // namespace spawnd::daemon
