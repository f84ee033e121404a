#include <filesystem>

#include "api/export_head.h"
#include "daemon/transfer/description.h"
#include "daemon/transfer/imports.h"
#include "storage/transfer/export_format.h"
#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::daemon {
namespace {

ImageRow Image() {
  ImageRow row;
  row.id = 10'001;
  row.name = "shop";
  row.engine = "postgresql";
  row.engine_version = "15.20";
  row.version_text = "15.0";
  row.durability = api::Durability::kAlways;
  row.tls = true;
  row.superuser = false;
  row.limits.pids = 100;
  row.settings = {{"work_mem", "64MB"}};
  row.initial_database = "Customers";
  row.database = "Customers";
  row.data_bytes = 1000;
  row.owner = 1000;
  row.network = api::Network::kHost;
  row.expires_at = 5;
  row.tags = {"latest"};
  row.teams = {"dbas"};
  return row;
}

std::string Head(const ImageRow& image, uint64_t layer_bytes = 5000) {
  storage::ExportHead head;
  head.description = DescriptionOf(image);
  head.parts = {{std::string(32, 'a'), layer_bytes}, {"", 5000}};
  const auto bytes = storage::EncodeExportHead(head);
  REQUIRE(bytes);
  return {reinterpret_cast<const char*>(bytes->data()), bytes->size()};
}

TEST_CASE("transfer: an image's description says what its containers need and nothing of whose it is") {
  const std::string json = DescriptionOf(Image());
  CHECK(json == DescriptionOf(Image()));
  for (const char* word : {"latest", "dbas", "1000,\"owner", "network", "expires"}) {
    CHECK(json.find(word) == std::string::npos);
  }
  const auto read = ReadDescription(json);
  REQUIRE(read);
  const ImageRow row = RowOf(*read);
  CHECK(row.name == "shop");
  CHECK(row.engine == "postgresql");
  CHECK(row.engine_version == "15.20");
  CHECK(row.version_text == "15.0");
  CHECK(row.durability == api::Durability::kAlways);
  CHECK(row.tls);
  CHECK_FALSE(row.superuser);
  CHECK(row.limits.pids == 100);
  CHECK(row.settings == api::Settings{{"work_mem", "64MB"}});
  CHECK(row.database == "Customers");
  CHECK(row.initial_database == "Customers");
  CHECK(row.owner == 0);
  CHECK_FALSE(row.network);
  CHECK(row.expires_at == 0);
  CHECK(row.tags.empty());
}

TEST_CASE("transfer: descriptions of no use") {
  const auto with = [](const std::function<void(ImageRow&)>& change) {
    ImageRow image = Image();
    change(image);
    return ReadDescription(DescriptionOf(image));
  };
  CHECK_FALSE(with([](ImageRow& image) { image.name = "a b"; }));
  CHECK_FALSE(with([](ImageRow& image) {
    image.name = "../../etc";
    image.name += '\n';
  }));
  CHECK_FALSE(with([](ImageRow& image) { image.name.clear(); }));
  CHECK_FALSE(with([](ImageRow& image) { image.engine_version.clear(); }));
  CHECK_FALSE(with([](ImageRow& image) { image.engine_version = "15\x1b[2J"; }));
  CHECK_FALSE(with([](ImageRow& image) { image.version_text = std::string(1000, '1'); }));
  CHECK_FALSE(with([](ImageRow& image) { image.database = "a\nb"; }));
  CHECK_FALSE(with([](ImageRow& image) { image.limits.pids = -5; }));
  for (const auto& [name, value] : api::Settings{{"port", "1"},
                                                 {"Data-Directory", "/x"},
                                                 {"a b", "1"},
                                                 {"work_mem", "1\nport = 1"},
                                                 {"work_mem", std::string(5000, '1')}}) {
    const auto decides = with([&](ImageRow& image) { image.settings = {{name, value}}; });
    REQUIRE_FALSE(decides);
    CHECK(decides.error().code == ErrorCode::kCorrupt);
  }
  const auto unknown = with([](ImageRow& image) { image.engine = "oracle"; });
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().code == ErrorCode::kUnsupported);
  CHECK_FALSE(ReadDescription("{}"));
  CHECK_FALSE(ReadDescription("[]"));
  CHECK_FALSE(ReadDescription(std::string(60'000, '[')));
  SECTION("of another machine") {
    std::string json = DescriptionOf(Image());
    const size_t at = json.find("\"architecture\":\"") + 16;
    json[at] = 'Z';
    const auto read = ReadDescription(json);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == ErrorCode::kUnsupported);
  }
  SECTION("a field of a newer version is passed over") {
    std::string json = DescriptionOf(Image());
    json.insert(1, "\"new\":{\"a\":[1]},");
    CHECK(ReadDescription(json));
  }
}

TEST_CASE("transfer: both sides agree on where an export's head ends") {
  const std::string head = Head(Image());
  const auto sizes = api::ReadExportHeader(head.substr(0, api::kExportHeaderBytes));
  REQUIRE(sizes);
  CHECK(sizes->head_bytes == head.size());
  const auto decoded = storage::DecodeExportHead(std::as_bytes(std::span(head)));
  REQUIRE(decoded);
  CHECK(sizes->file_bytes == decoded->FileBytes());
  CHECK_FALSE(api::ReadExportHeader(head.substr(0, 63)));
  CHECK_FALSE(api::ReadExportHeader(std::string(64, 'x')));
}

struct Folder {
  Folder() { REQUIRE(layout.Prepare()); }
  ScratchDirectory scratch;
  StoreLayout layout{scratch.Path() + "/state"};
  Disk disk{scratch.Path(), 101, 101};
  Imports imports{layout, disk};
  size_t Count() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(layout.Imports()), {}));
  }
};

TEST_CASE("transfer: an import is its user's own, and the same for the same file") {
  Folder folder;
  const auto begun = folder.imports.Begin(1000, Head(Image()));
  REQUIRE(begun);
  CHECK(begun->offset == static_cast<int64_t>(Head(Image()).size()));
  CHECK(begun->name == "shop");
  CHECK_FALSE(begun->complete);
  CHECK(folder.imports.Begin(1000, Head(Image()))->id == begun->id);
  CHECK(folder.Count() == 1);
  CHECK(folder.imports.Open(1000, begun->id));
  for (const std::string& id : {begun->id, std::string("x"), std::string(), std::string("../../catalog.db"),
                                std::string(32, 'a'), std::string(32, '/')}) {
    const auto opened = folder.imports.Open(1001, id);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == ErrorCode::kNotFound);
  }
}

TEST_CASE("transfer: what is no export makes no folder") {
  Folder folder;
  for (std::string head :
       {std::string(), std::string(64, '\0'), Head(Image()) + "x", Head(Image()).substr(0, 80)}) {
    CHECK_FALSE(folder.imports.Begin(0, head));
  }
  ImageRow unknown = Image();
  unknown.engine = "oracle";
  CHECK_FALSE(folder.imports.Begin(0, Head(unknown)));
  CHECK(folder.Count() == 0);
}

TEST_CASE("transfer: a file that the disk has no room for is refused before it comes") {
  ScratchDirectory scratch;
  const StoreLayout layout(scratch.Path() + "/state");
  REQUIRE(layout.Prepare());
  const Disk disk(scratch.Path(), 100, 100);
  Imports imports(layout, disk);
  const auto begun = imports.Begin(0, Head(Image(), uint64_t{1} << 43U));
  REQUIRE_FALSE(begun);
  CHECK(begun.error().code == ErrorCode::kNoSpace);
  CHECK(std::filesystem::is_empty(layout.Imports()));
}

TEST_CASE("transfer: a user has a few imports, and the oldest goes; others' stay") {
  Folder folder;
  REQUIRE(folder.imports.Begin(1, Head(Image())));
  for (size_t i = 0; i < kMaxImportsOfUser + 3; ++i) {
    ImageRow image = Image();
    image.name += std::to_string(i);
    REQUIRE(folder.imports.Begin(1000, Head(image)));
  }
  CHECK(folder.Count() == kMaxImportsOfUser + 1);
  CHECK(folder.imports.Begin(1, Head(Image())));
}

TEST_CASE("transfer: what nobody has touched for a day goes, unless it is in use") {
  Folder folder;
  const auto begun = folder.imports.Begin(1000, Head(Image()));
  REQUIRE(begun);
  const std::string path = folder.layout.Imports() + "/1000-" + begun->id;
  const auto age = [&path](std::chrono::hours hours) {
    const auto then = std::filesystem::file_time_type::clock::now() - hours;
    std::filesystem::last_write_time(path + "/head", then);
    std::filesystem::last_write_time(path, then);
  };
  age(kImportKept - std::chrono::hours(1));
  folder.imports.DropOld();
  CHECK(folder.Count() == 1);
  age(kImportKept + std::chrono::hours(1));
  {
    const auto held = folder.imports.Open(1000, begun->id);
    REQUIRE(held);
    folder.imports.DropOld();
    CHECK(folder.Count() == 1);
  }
  folder.imports.DropOld();
  CHECK(folder.Count() == 0);
}

}  // namespace
}  // namespace spawnd::daemon
