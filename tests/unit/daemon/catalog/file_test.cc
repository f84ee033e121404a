/// The catalog's file: what Open refuses, what a crash or a full disk leaves.
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/process.h"
#include "daemon/catalog/catalog.h"
#include "daemon/catalog/database.h"
#include "daemon/catalog/schema.h"
#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"
#include "tests/unit/daemon/catalog/sample_rows.h"

namespace spawnd::daemon {
namespace {

std::string Content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// What Open says about a file, which must be the same afterwards.
Error Refusal(const std::string& path) {
  const std::string before = Content(path);
  const auto catalog = Catalog::Open(path);
  REQUIRE_FALSE(catalog);
  CHECK(Content(path) == before);
  CHECK(catalog.error().message.find(path) != std::string::npos);
  return catalog.error();
}

TEST_CASE("a file that is no catalog, damaged or newer is refused and left alone") {
  const ScratchDirectory scratch;
  const std::string path = scratch / "catalog.db";

  std::ofstream(path) << std::string(8192, 'x');
  CHECK(Refusal(path).code == ErrorCode::kCorrupt);
  std::filesystem::remove(path);

  {
    auto other = Database::Open(path);
    REQUIRE(other);
    REQUIRE((*other)->Execute("CREATE TABLE mine (x)"));
  }
  CHECK(Refusal(path).code == ErrorCode::kCorrupt);
  std::filesystem::remove(path);

  { CHECK(*Open(path)->NewId() == 10001); }
  const std::string next = std::to_string(kCatalogSchemaVersion + 1);
  {
    auto newer = Database::Open(path);
    REQUIRE(newer);
    REQUIRE((*newer)->Execute(("PRAGMA user_version = " + next).c_str()));
  }
  const Error newer = Refusal(path);
  CHECK(newer.code == ErrorCode::kUnsupported);
  CHECK(newer.message.find("schema " + next) != std::string::npos);
  std::filesystem::remove(path);

  {
    auto catalog = Open(path);
    for (int i = 0; i < 200; ++i) Completed(*catalog, "image-" + std::to_string(i), {"latest"});
  }
  {
    // One page in the middle, as a bad disk would leave it.
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(3 * 4096);
    file << std::string(4096, '\x5A');
  }
  CHECK(Refusal(path).code == ErrorCode::kCorrupt);

  const auto size = std::filesystem::file_size(path);
  std::filesystem::resize_file(path, size / 2);
  CHECK(Refusal(path).code == ErrorCode::kCorrupt);
}

TEST_CASE("a file that a crash left empty becomes a catalog") {
  const ScratchDirectory scratch;
  std::ofstream(scratch / "catalog.db").close();
  CHECK(*Open(scratch / "catalog.db")->NewId() == 10001);
}

TEST_CASE("a full disk is kNoSpace, and what was there stays") {
  if (::geteuid() != 0) {
    WARN("skipped: needs root");
    return;
  }
  const ScratchDirectory scratch;
  const pid_t child = ::fork();
  if (child == 0) {
    // A small disk of its own, seen by this process only.
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
      ::_exit(10);
    if (::mount("tmpfs", scratch.Path().c_str(), "tmpfs", 0, "size=600k") != 0) ::_exit(11);
    auto catalog = Catalog::Open(scratch / "catalog.db");
    if (!catalog) ::_exit(12);
    ImageRow row = NewImage("big");
    row.version_text = std::string(2000, 'v');
    int count = 0;
    ErrorCode code = ErrorCode::kInternal;
    for (; count < 1000; ++count) {
      const auto id = (*catalog)->images.Insert(row);
      if (!id) {
        code = id.error().code;
        break;
      }
    }
    if (code != ErrorCode::kNoSpace) ::_exit(13);
    const auto images = (*catalog)->images.List();
    if (!images || images->size() != static_cast<size_t>(count)) ::_exit(14);
    catalog->reset();
    auto again = Catalog::Open(scratch / "catalog.db");
    if (!again) ::_exit(15);
    const auto after = (*again)->images.List();
    ::_exit(after && after->size() == static_cast<size_t>(count) && count > 10 ? 0 : 16);
  }
  CHECK(WaitForExit(child) == 0);
}

}  // namespace
}  // namespace spawnd::daemon
