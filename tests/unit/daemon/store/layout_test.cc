#include "daemon/store/layout.h"

#include <sys/stat.h>

#include <fstream>

#include "base/file.h"
#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::daemon {
namespace {

mode_t ModeOf(const std::string& path) {
  struct stat st {};
  REQUIRE(::stat(path.c_str(), &st) == 0);
  return st.st_mode & 07777;
}

TEST_CASE("store layout: only the owner can enter what holds data") {
  const ScratchDirectory scratch;
  const StoreLayout layout(scratch.Path() + "/a/b");
  REQUIRE(layout.Prepare());
  CHECK(ModeOf(layout.Root()) == 0711);
  for (const std::string& path : {layout.Layers(), layout.Images(), layout.Containers(), layout.Builds(),
                                  layout.Logs(), layout.Root() + "/store"}) {
    CHECK(ModeOf(path) == 0700);
  }
  // What clients verify servers by is for everybody to read.
  CHECK(ModeOf(layout.Tls()) == 0711);
  CHECK(layout.Prepare());
}

TEST_CASE("store layout: only names of ours are ours") {
  CHECK(IdFromName("10001.index", ".index") == 10001);
  CHECK(IdFromName("10001", "") == 10001);
  for (const char* name : {"", ".index", "x.index", "10001.index.bak", "010.index", "+7.index", "-7.index",
                           "10001 .index", "0.index", "99999999999999999999.index"}) {
    INFO(name);
    CHECK(IdFromName(name, ".index") == 0);
  }
  const std::string id = "0123456789abcdef0123456789abcdef";
  CHECK(LayerIdFromName(id + ".layer", ".layer") == id);
  CHECK(LayerIdFromName(id + ".layer.tmp", ".layer").empty());
  CHECK(LayerIdFromName("X" + id.substr(1) + ".layer", ".layer").empty());
  CHECK(LayerIdFromName(id.substr(1) + ".layer", ".layer").empty());
}

TEST_CASE("store layout: removing what is not there is fine") {
  const ScratchDirectory scratch;
  CHECK(RemoveTree(scratch.Path() + "/nothing"));
  CHECK(RemoveFile(scratch.Path() + "/nothing"));
  REQUIRE(PosixFileSystem().CreateDirectory(scratch.Path() + "/d"));
  std::ofstream(scratch.Path() + "/d/file") << std::string(10000, 'x') << std::flush;
  CHECK(AllocatedBytes(scratch.Path() + "/nothing") == 0);
  CHECK(AllocatedBytes(scratch.Path()) >= 10000);
  CHECK(RemoveTree(scratch.Path() + "/d"));
  CHECK_FALSE(PosixFileSystem().Exists(scratch.Path() + "/d").value());
}

}  // namespace
}  // namespace spawnd::daemon
