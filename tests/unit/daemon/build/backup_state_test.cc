#include "daemon/build/backup_state.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::daemon {
namespace {

void Write(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::app) << text;
}

FileRights Mine() {
  return {{::geteuid(), ::getegid(), {}}, ::geteuid() == 0};
}

UniqueFd Opened(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  REQUIRE(fd.Valid());
  return fd;
}

TEST_CASE("backup state: a file that grows has changed, and one that gets another name has not") {
  const ScratchDirectory scratch;
  const std::string path = scratch.Path() + "/shop.sql";
  Write(path, "select 1;");
  const UniqueFd fd = Opened(path);
  const auto state = BackupState::Of(Mine(), fd.Get(), false);
  REQUIRE(state);
  CHECK(state->Bytes() == 9);
  CHECK(::link(path.c_str(), (scratch.Path() + "/too.sql").c_str()) == 0);
  CHECK(::chmod(path.c_str(), 0600) == 0);
  CHECK(state->CheckUnchanged(Mine(), fd.Get(), "shop.sql"));
  Write(path, "select 2;");
  const auto changed = state->CheckUnchanged(Mine(), fd.Get(), "shop.sql");
  REQUIRE(!changed);
  CHECK(changed.error().code == ErrorCode::kInvalidArgument);
  CHECK(changed.error().message == "backup 'shop.sql' changed while it was read");
}

TEST_CASE("backup state: of a folder each file counts, at any depth, and what comes to it does not") {
  const ScratchDirectory scratch;
  const std::string root = scratch.Path() + "/data";
  std::filesystem::create_directories(root + "/base/1");
  Write(root + "/PG_VERSION", "15");
  Write(root + "/base/1/2", "pages");
  std::filesystem::create_symlink("/etc/passwd", root + "/link");
  const UniqueFd fd = Opened(root);
  const auto state = BackupState::Of(Mine(), fd.Get(), true);
  REQUIRE(state);
  CHECK(state->Bytes() == 7);
  Write(root + "/base/1/3", "new");
  CHECK(state->CheckUnchanged(Mine(), fd.Get(), "data"));
  SECTION("one of them changes") {
    Write(root + "/base/1/2", "more");
    const auto changed = state->CheckUnchanged(Mine(), fd.Get(), "data");
    REQUIRE(!changed);
    CHECK(changed.error().message == "file 'base/1/2' of backup 'data' changed while it was read");
  }
  SECTION("one of them goes") {
    std::filesystem::remove(root + "/PG_VERSION");
    const auto changed = state->CheckUnchanged(Mine(), fd.Get(), "data");
    REQUIRE(!changed);
    CHECK(changed.error().message == "files of backup 'data' were removed while it was read");
  }
}

}  // namespace
}  // namespace spawnd::daemon
