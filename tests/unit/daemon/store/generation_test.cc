/// An older catalog is told from the right one, and a crash at any time locks nobody out.
#include "daemon/store/generation.h"

#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "daemon/catalog/event_ids.h"
#include "daemon/store/checked_text.h"
#include "tests/support/scratch_directory.h"
#include "tests/unit/daemon/catalog/sample_rows.h"

namespace spawnd::daemon {
namespace {

struct Directory {
  Directory() {
    REQUIRE(layout.Prepare());
    catalog = Open(layout.Catalog());
  }
  bool Older() { return CatalogIsOlder(layout, *catalog)->has_value(); }
  /// As cp does while no daemon runs.
  void Keep(const std::string& name) {
    catalog.reset();
    std::filesystem::copy_file(layout.Catalog(), scratch / name);
    catalog = Open(layout.Catalog());
  }
  void PutBack(const std::string& name) {
    catalog.reset();
    std::filesystem::copy_file(scratch / name, layout.Catalog(),
                               std::filesystem::copy_options::overwrite_existing);
    catalog = Open(layout.Catalog());
  }

  ScratchDirectory scratch;
  StoreLayout layout{scratch / "state"};
  std::unique_ptr<Catalog> catalog;
};

TEST_CASE("generation: a copy from before a start is older, the right one is not") {
  Directory directory;
  CHECK_FALSE(directory.Older());  // nothing has begun
  for (int start = 1; start < 4; ++start) {
    directory.Keep("copy-" + std::to_string(start));
    REQUIRE(NextGeneration(directory.layout, *directory.catalog));
    CHECK(*directory.catalog->Generation() == start);
    CHECK_FALSE(directory.Older());
  }
  directory.Keep("right");
  directory.PutBack("copy-2");
  CHECK(directory.Older());
  const auto refused = RefuseOlderCatalog(directory.layout, *directory.catalog);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("of generation 1, and the state directory of 3") != std::string::npos);
  directory.PutBack("right");
  CHECK(RefuseOlderCatalog(directory.layout, *directory.catalog));
}

TEST_CASE("generation: a catalog that is accepted is the right one from then on, and the other is not") {
  Directory directory;
  directory.Keep("older");
  REQUIRE(NextGeneration(directory.layout, *directory.catalog));
  std::ofstream(directory.layout.ImageIndex(10500)) << "x";
  REQUIRE(directory.catalog->SkipIds(10500));
  directory.Keep("newer");
  directory.PutBack("older");
  REQUIRE(directory.Older());
  REQUIRE(AcceptOlderCatalog(directory.layout, *directory.catalog, directory.layout.Catalog()));
  CHECK_FALSE(directory.Older());
  CHECK(*directory.catalog->NewId() == 10501);
  directory.PutBack("newer");
  CHECK(directory.Older());
}

TEST_CASE(
    "generation: a copy that was made of a running daemon is told by the numbers that it has not given") {
  Directory directory;
  REQUIRE(NextGeneration(directory.layout, *directory.catalog));
  directory.Keep("copy");
  const int64_t id = *directory.catalog->NewId();
  REQUIRE(PosixFileSystem().CreateDirectory(directory.layout.Container(id)));
  CHECK_FALSE(directory.Older());
  directory.PutBack("copy");
  CHECK(directory.Older());
}

TEST_CASE("generation: a crash between the catalog and the file, or a file that is lost, locks nobody out") {
  Directory directory;
  REQUIRE(NextGeneration(directory.layout, *directory.catalog));
  REQUIRE(directory.catalog->NextGeneration(0));  // and the file was never written
  CHECK_FALSE(directory.Older());
  REQUIRE(NextGeneration(directory.layout, *directory.catalog));
  CHECK_FALSE(directory.Older());
  std::ofstream(directory.layout.Generation()) << "spawnd generation xxh3 0123456789abcdef\n77\n";
  CHECK_FALSE(directory.Older());
  std::filesystem::remove(directory.layout.Generation());
  CHECK_FALSE(directory.Older());
  REQUIRE(NextGeneration(directory.layout, *directory.catalog));
  CHECK(*ReadCheckedText(directory.layout.Generation(), "generation") == "4\n0\n");
}

TEST_CASE("generation: no event's id is given twice, whatever catalog is accepted") {
  Directory directory;
  const std::string path = directory.layout.Catalog();
  const int64_t shop = Pending(*directory.catalog, "shop");
  CHECK(*LastEventId(path) == 1);
  REQUIRE(NextGeneration(directory.layout, *directory.catalog));
  directory.Keep("older");
  Complete(*directory.catalog, shop);
  for (int i = 0; i < 20; ++i)
    REQUIRE(
        directory.catalog->images.Update(shop, {.name = {}, .tags = {}, .teams = {}, .expires_at = 100 + i}));
  REQUIRE(NextGeneration(directory.layout, *directory.catalog));
  const int64_t last = *LastEventId(path);
  CHECK(last == 22);
  for (int64_t times = 1; times < 3; ++times) {
    directory.PutBack("older");
    CHECK(*LastEventId(path) == 1);
    REQUIRE(AcceptOlderCatalog(directory.layout, *directory.catalog, path));
    Complete(*directory.catalog, shop);
    CHECK(*LastEventId(path) == last + times * kEventIdsPassedOver + 1);
    // What was given after the last time that the file was written is passed over too.
  }
  // And of a start it is known.
  REQUIRE(NextGeneration(directory.layout, *directory.catalog));
  const auto reader = std::move(*EventReader::Open(path));
  CHECK(reader->WhatIsKept()->oldest == 1);
  CHECK(reader->WhatIsKept()->newest == *LastEventId(path));
  CHECK(reader->FirstSince(int64_t{1} << 60).value() == *LastEventId(path) + 1);
}

TEST_CASE("checked text: whatever was changed in it is damage") {
  const ScratchDirectory scratch;
  const std::string path = scratch / "x";
  CHECK(CodeOf(ReadCheckedText(path, "x")) == ErrorCode::kNotFound);
  REQUIRE(WriteCheckedText(path, "x", "some text\nof two lines"));
  CHECK(*ReadCheckedText(path, "x") == "some text\nof two lines");
  CHECK(CodeOf(ReadCheckedText(path, "y")) == ErrorCode::kCorrupt);
  const auto size = std::filesystem::file_size(path);
  for (size_t at = 0; at < size; ++at) {
    REQUIRE(WriteCheckedText(path, "x", "some text\nof two lines"));
    {
      std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(static_cast<std::streamoff>(at));
      file.put('\x01');
    }
    CHECK(CodeOf(ReadCheckedText(path, "x")) == ErrorCode::kCorrupt);
    std::filesystem::resize_file(path, at);
    CHECK(CodeOf(ReadCheckedText(path, "x")) == ErrorCode::kCorrupt);
  }
  CHECK_FALSE(*PosixFileSystem().Exists(UnfinishedCheckedText(path)));
}

}  // namespace
}  // namespace spawnd::daemon
