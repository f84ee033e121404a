/// What fsck makes of files that it cannot read: never that they are not there. Damage of every kind in a
/// whole state directory is in tests/end_to_end.
#include "daemon/fsck/check.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/file.h"
#include "base/unique_fd.h"
#include "storage/image/layer_format.h"
#include "tests/support/catch.h"
#include "tests/support/in_child.h"
#include "tests/support/scratch_directory.h"
#include "tests/unit/daemon/catalog/sample_rows.h"

namespace spawnd::daemon {
namespace {

const std::string kLayer(32, 'a');

struct Store {
  Store() : layout(scratch / "state") {
    REQUIRE(layout.Prepare());
    catalog = Open(layout.Catalog());
  }
  std::vector<Finding> Findings() {
    check = std::make_unique<FsckCheck>(layout, *catalog);
    auto findings = check->Run();
    if (!findings) FAIL(findings.error().message);
    return std::move(*findings);
  }
  static void Touch(const std::string& path) { std::ofstream(path) << "x"; }

  ScratchDirectory scratch;
  StoreLayout layout;
  std::unique_ptr<Catalog> catalog;
  std::unique_ptr<FsckCheck> check;  // findings refer to both
};

/// Something that is there and that nobody can open, as on a disk that fails the read.
void MakeUnreadable(const std::string& path) {
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  REQUIRE(path.size() < sizeof address.sun_path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  REQUIRE(::bind(fd.Get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
}

TEST_CASE("fsck: whether a keeper runs is known, or an error") {
  const ScratchDirectory scratch;
  const auto runs = [&scratch] {
    const Result<bool> result = KeeperRuns(scratch.Path());
    return result ? std::string(*result ? "runs" : "does not run") : result.error().message;
  };
  CHECK(runs() == "does not run");  // no lock file: no keeper ever came so far
  Store::Touch(scratch / "keeper.lock");
  CHECK(runs() == "does not run");
  CHECK(testing::WithFailingCall(SYS_openat, EMFILE, runs).starts_with("cannot open '"));
  CHECK(testing::WithFailingCall(SYS_flock, ENOLCK, runs).starts_with("cannot lock '"));
}

TEST_CASE("fsck: a layer that cannot be read marks nothing failed") {
  Store store;
  const int64_t id = Pending(*store.catalog, "shop");
  Complete(*store.catalog, id, {kLayer});
  MakeUnreadable(store.layout.Layer(kLayer));
  const auto findings = store.Findings();
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].file == store.layout.Layer(kLayer));
  CHECK(findings[0].affects.find("'shop'") != std::string::npos);
  CHECK_FALSE(findings[0].repair);
}

/// A sealed layer, empty, as a version to come may write it.
void WriteNewerLayer(const std::string& path) {
  auto header = storage::EncodeLayerHeader(kLayer);
  header[8] = std::byte{99};  // the version, in docs/store-format.md
  storage::FinishHeader(header);
  storage::LayerTrailer trailer;
  trailer.header_checksum = storage::HeaderChecksum(header);
  const auto end = storage::EncodeLayerTrailer(trailer);
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(header.data()), header.size());
  file.write(reinterpret_cast<const char*>(end.data()), end.size());
}

TEST_CASE("fsck: a layer of a newer version is not damaged, and marks nothing failed") {
  Store store;
  const int64_t id = Pending(*store.catalog, "shop");
  Complete(*store.catalog, id, {kLayer});
  WriteNewerLayer(store.layout.Layer(kLayer));
  const auto findings = store.Findings();
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].problem.find("newer") != std::string::npos);
  CHECK_FALSE(findings[0].repair);
}

TEST_CASE("fsck: a layer that is missing marks its images failed") {
  Store store;
  const int64_t id = Pending(*store.catalog, "shop");
  Complete(*store.catalog, id, {kLayer});
  const auto findings = store.Findings();
  REQUIRE(findings.size() == 1);
  REQUIRE(findings[0].repair);
  REQUIRE(findings[0].repair());
  CHECK(store.catalog->images.ById(id)->state == ImageState::kFailed);
}

TEST_CASE("fsck: what nobody refers to is kept, each where it was below one date") {
  Store store;
  Store::Touch(store.layout.Layer(kLayer));
  Store::Touch(store.layout.ImageIndex(7));  // of an image without a row, and no index either
  REQUIRE(PosixFileSystem().CreateDirectory(store.layout.Container(8)));
  for (const Finding& finding : store.Findings()) {
    INFO(finding.file);
    REQUIRE(finding.repair());
  }
  const auto dates = *PosixFileSystem().List(store.layout.LostAndFound());
  REQUIRE(dates.size() == 1);
  const StoreLayout kept(store.layout.LostAndFound() + "/" + dates[0]);
  for (const std::string& path : {kept.Layer(kLayer), kept.ImageIndex(7), kept.Container(8)}) {
    CHECK(*PosixFileSystem().Exists(path));
  }
  CHECK(store.Findings().empty());
}

TEST_CASE("fsck: what is missing and lies in lost+found is put back, and nothing is marked failed for it") {
  Store store;
  const int64_t image = Pending(*store.catalog, "shop");
  Complete(*store.catalog, image, {kLayer});
  ContainerRow row;
  row.image_id = image;
  row.name = "mine";
  row.port = 20001;
  const int64_t container = *store.catalog->containers.Insert(row);
  REQUIRE(store.catalog->containers.SetState(container, ContainerState::kStopped, ""));
  const std::vector<std::string> paths{store.layout.Layer(kLayer), store.layout.ImageManifest(image),
                                       store.layout.ImageIndex(image), store.layout.Container(container)};
  REQUIRE(PosixFileSystem().CreateDirectory(paths.back()));
  LostAndFound lost(store.layout, 1'700'000'000);
  for (const std::string& path : paths) {
    if (path != paths.back()) Store::Touch(path);
    REQUIRE(lost.Keep(path));
  }
  const auto findings = store.Findings();
  CHECK(findings.size() == paths.size());
  for (const Finding& finding : findings) {
    INFO(finding.file);
    CHECK(finding.problem.starts_with("is in '" + store.layout.LostAndFound()));
    CHECK(finding.affects.find(finding.file == paths.back() ? "'mine'" : "'shop'") != std::string::npos);
    REQUIRE(finding.repair);
    REQUIRE(finding.repair());
  }
  for (const std::string& path : paths) CHECK(*PosixFileSystem().Exists(path));
  CHECK(store.catalog->images.ById(image)->state == ImageState::kCompleted);
  CHECK_FALSE(store.catalog->containers.ById(container)->stays_down);
}

}  // namespace
}  // namespace spawnd::daemon
