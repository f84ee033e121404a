/// What deleting frees, counted on real files.
#include "daemon/store/account.h"

#include <unistd.h>

#include <fstream>

#include "base/file.h"
#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::daemon {
namespace {

const std::string kBase(32, 'a');
const std::string kOwn(32, 'b');

struct Store {
  Store() : layout(scratch.Path() + "/state") {
    REQUIRE(layout.Prepare());
    auto opened = Catalog::Open(layout.Catalog());
    REQUIRE(opened);
    catalog = std::move(*opened);
  }

  int64_t Image(const std::string& name, const std::vector<std::string>& layers) {
    ImageRow row;
    row.name = name;
    row.engine = "postgresql";
    const auto id = catalog->images.Insert(row);
    REQUIRE(id);
    REQUIRE(catalog->images.Complete(*id, {"", 1, 1, std::to_string(*id) + ".index", layers}));
    return *id;
  }

  static void Fill(const std::string& path, size_t bytes) { std::ofstream(path) << std::string(bytes, 'x'); }

  ScratchDirectory scratch;
  StoreLayout layout;
  std::unique_ptr<Catalog> catalog;
};

TEST_CASE("space: what only one image needs is its own") {
  Store store;
  const int64_t first = store.Image("first", {kBase});
  const int64_t second = store.Image("second", {kBase, kOwn});
  Store::Fill(store.layout.Layer(kBase), 64 * 1024);
  Store::Fill(store.layout.Layer(kOwn), 16 * 1024);
  Store::Fill(store.layout.ImageIndex(second), 4096);
  Store::Fill(store.layout.ImageIndex(first), 4096);
  auto account = SpaceAccount::Take(*store.catalog, store.layout);
  REQUIRE(account);
  CHECK(account->OfImage(first).unique_bytes == 4096);
  CHECK(account->OfImage(first).shared_bytes == 64 * 1024);
  CHECK(account->OfImage(second).unique_bytes == 20 * 1024);
  CHECK(account->OfImage(second).shared_bytes == 64 * 1024);
  CHECK(account->OfImage(424242).unique_bytes == 0);

  SECTION("an image that is going is no user any more") {
    REQUIRE(store.catalog->images.MarkDeleting(second));
    account = SpaceAccount::Take(*store.catalog, store.layout);
    CHECK(account->OfImage(first).unique_bytes == 68 * 1024);
    CHECK(account->OfImage(first).shared_bytes == 0);
  }
  SECTION("an index with two names goes with neither") {
    const int64_t third = store.Image("third", {kBase});
    REQUIRE(::link(store.layout.ImageIndex(first).c_str(), store.layout.ImageIndex(third).c_str()) == 0);
    account = SpaceAccount::Take(*store.catalog, store.layout);
    CHECK(account->OfImage(third).unique_bytes == 0);
    CHECK(account->OfImage(third).shared_bytes == 68 * 1024);
  }
  SECTION("a container: its folder, and all of its image") {
    const std::string folder = store.layout.Container(7);
    REQUIRE(PosixFileSystem().CreateDirectory(folder));
    Store::Fill(folder + "/engine.log", 8192);
    CHECK(account->OfContainer(7, second).unique_bytes == 8192);
    CHECK(account->OfContainer(7, second).shared_bytes == 84 * 1024);
  }
}

TEST_CASE("space: what one user's images take together: each file once, and nothing of a built-in one") {
  Store store;
  const int64_t built_in = store.Image("built-in", {kBase});
  const int64_t first = store.Image("first", {kBase, kOwn});
  const int64_t second = store.Image("second", {kBase, kOwn});
  const int64_t as_it_is = store.Image("as-it-is", {kBase});
  Store::Fill(store.layout.Layer(kBase), 64 * 1024);
  Store::Fill(store.layout.Layer(kOwn), 16 * 1024);
  Store::Fill(store.layout.ImageIndex(first), 4096);
  Store::Fill(store.layout.ImageIndex(second), 4096);
  Store::Fill(store.layout.ImageIndex(built_in), 4096);
  REQUIRE(::link(store.layout.ImageIndex(built_in).c_str(), store.layout.ImageIndex(as_it_is).c_str()) == 0);
  auto account = SpaceAccount::Take(*store.catalog, store.layout);
  REQUIRE(account);
  CHECK(account->OfImages({first, second, as_it_is}, {built_in}) == 24 * 1024);
  CHECK(account->OfImages({first, second}, {}) == 88 * 1024);
  CHECK(account->OfImages({}, {built_in}) == 0);
}

TEST_CASE("space: the three that free most, largest first") {
  constexpr int64_t kMiB = int64_t{1} << 20U;
  CHECK(WhatWouldFreeMost({}).empty());
  CHECK(WhatWouldFreeMost({{"delete a", kMiB - 1}}).empty());
  CHECK(WhatWouldFreeMost({{"delete a", kMiB},
                           {"delete b", 3 * kMiB + kMiB / 2},
                           {"delete c", 2048 * kMiB},
                           {"delete d", 2 * kMiB}}) ==
        "What would free most: `delete c` (2.0 GiB), `delete b` (3.5 MiB), `delete d` (2.0 MiB).");
}

}  // namespace
}  // namespace spawnd::daemon
