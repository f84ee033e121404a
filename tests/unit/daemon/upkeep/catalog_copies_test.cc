/// Daily copies of a catalog that is being written to: whole, of now, and never at the cost of another.
#include "daemon/upkeep/catalog_copies.h"

#include <sys/stat.h>
#include <utime.h>

#include <ctime>
#include <filesystem>
#include <fstream>

#include "tests/unit/daemon/catalog/sample_rows.h"
#include "tests/unit/daemon/machine.h"

namespace spawnd::daemon {
namespace {

int64_t ImagesIn(const std::string& path) {
  std::filesystem::copy_file(path, path + ".looked-at");  // opening makes it one with a log
  const auto count = static_cast<int64_t>(Open(path + ".looked-at")->images.List()->size());
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path + ".looked-at" + suffix);
  return count;
}

TEST_CASE("catalog copies: the newest is of now, six of before are kept, each a catalog of its day") {
  Machine machine;
  const std::string newest = machine.layout.CatalogCopy();
  for (int day = 1; day <= 9; ++day) {
    Completed(*machine.catalog, "image-" + std::to_string(day));
    REQUIRE(CopyCatalogNow(machine.layout));
    CHECK(ImagesIn(newest) == day);
  }
  for (int number = 1; number < kCatalogCopies; ++number)
    CHECK(ImagesIn(newest + "." + std::to_string(number)) == 9 - number);
  CHECK_FALSE(Machine::Exists(newest + "." + std::to_string(kCatalogCopies)));
  struct stat st {};
  REQUIRE(::stat(newest.c_str(), &st) == 0);
  CHECK((st.st_mode & 0777) == 0600);
  CHECK(st.st_nlink == 1);
}

TEST_CASE("catalog copies: a catalog that is damaged, or no room, costs no copy") {
  Machine machine;
  const std::string newest = machine.layout.CatalogCopy();
  for (int i = 0; i < 200; ++i) Completed(*machine.catalog, "image-" + std::to_string(i), {"latest"});
  REQUIRE(CopyCatalogNow(machine.layout));
  REQUIRE(CopyCatalogNow(machine.layout));
  const ScratchDirectory scratch;
  const StoreLayout damaged(scratch / "state");
  REQUIRE(damaged.Prepare());
  std::filesystem::copy_file(newest, damaged.Catalog());
  std::filesystem::copy_file(newest, damaged.CatalogCopy());
  {
    std::fstream file(damaged.Catalog(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(3 * 4096);
    file << std::string(4096, '\x5A');
  }
  CHECK_FALSE(CopyCatalogNow(damaged));
  CHECK(ImagesIn(damaged.CatalogCopy()) == 200);
  CHECK_FALSE(Machine::Exists(damaged.CatalogCopy() + ".1"));
  CHECK_FALSE(Machine::Exists(damaged.CatalogCopy() + ".now"));
}

TEST_CASE("catalog copies: one is due after a day, and whenever the clock was wrong") {
  Machine machine;
  const int64_t now = std::time(nullptr);
  CHECK(CatalogCopyIsDue(machine.layout, now));
  REQUIRE(CopyCatalogNow(machine.layout));
  const auto age = [&](int64_t seconds) {
    const utimbuf times{now - seconds, now - seconds};
    REQUIRE(::utime(machine.layout.CatalogCopy().c_str(), &times) == 0);
    return CatalogCopyIsDue(machine.layout, now);
  };
  CHECK_FALSE(age(0));
  CHECK_FALSE(age(23 * 3600));
  CHECK(age(25 * 3600));
  CHECK_FALSE(age(-3600));
  CHECK(age(int64_t{-25} * 3600));
}

TEST_CASE("catalog copies: a start makes the first, beside the loop, and then there is none to make") {
  Machine machine;
  int copied = 0;
  CatalogCopies copies(machine.layout, *machine.removals, *machine.mailbox, [&] { ++copied; });
  REQUIRE(copies.Start(machine.loop->Get()));
  CHECK(machine.RunUntil([&] { return copied == 1; }));
  CatalogCopies again(machine.layout, *machine.removals, *machine.mailbox, [&] { ++copied; });
  REQUIRE(again.Start(machine.loop->Get()));
  machine.RunFor(std::chrono::milliseconds(50));
  CHECK(copied == 1);
}

}  // namespace
}  // namespace spawnd::daemon
