/// The catalog on real files: what it says, what it refuses, what is there after reopening.
#include "daemon/catalog/catalog.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "base/process.h"
#include "daemon/catalog/database.h"
#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"
#include "tests/unit/daemon/catalog/sample_rows.h"

namespace spawnd::daemon {
namespace {

TEST_CASE("ids are one sequence from 10001 and never come twice") {
  const ScratchDirectory scratch;
  {
    auto catalog = Open(scratch / "catalog.db");
    CHECK(*catalog->NewId() == 10001);
    const int64_t image = Completed(*catalog, "shop");
    CHECK(image == 10002);
    CHECK(*catalog->containers.Insert(NewContainer("a", image, 20000)) == 10003);
    REQUIRE(catalog->containers.Remove(10003));
  }
  auto catalog = Open(scratch / "catalog.db");
  CHECK(*catalog->NewId() == 10004);
  // A failed insert gives its id back with everything else.
  CHECK(CodeOf(catalog->containers.Insert(NewContainer("b", 99999, 20000))) == ErrorCode::kNotFound);
  CHECK(*catalog->NewId() == 10005);
  REQUIRE(catalog->SkipIds(20'000));
  REQUIRE(catalog->SkipIds(10'007));  // which none can be any more
  CHECK(*catalog->NewId() == 20'001);
}

TEST_CASE("an image is what was written, also after reopening") {
  const ScratchDirectory scratch;
  int64_t id = 0;
  {
    auto catalog = Open(scratch / "catalog.db");
    id = Pending(*catalog, "shop", {"latest", "0.2", "latest"});
    Complete(*catalog, id, {"l2", "l1"});
  }
  auto catalog = Open(scratch / "catalog.db");
  const auto image = catalog->images.ById(id);
  REQUIRE(image);
  CHECK(image->name == "shop");
  CHECK(image->state == ImageState::kCompleted);
  CHECK(image->engine == "postgresql");
  CHECK(image->engine_version == "15.20");
  CHECK(image->version_text == "15.0");
  CHECK(image->owner == 1000);
  CHECK(image->durability == api::Durability::kAlways);
  CHECK(image->network == api::Network::kHost);
  CHECK_FALSE(image->superuser);
  CHECK(image->initial_database == "asked");
  CHECK(image->database == "shop");
  CHECK(image->created_at == 1'700'000'000);
  CHECK(image->expires_at == 1'800'000'000);
  CHECK(image->data_bytes == 100);
  CHECK(image->disk_bytes == 50);
  CHECK(image->index_file == std::to_string(id) + ".index");
  CHECK_FALSE(image->Hidden());
  CHECK(image->libraries == std::vector<std::string>{"pg_trgm\t1.6\t$libdir/pg_trgm"});
  CHECK(image->tags == std::vector<std::string>{"0.2", "latest"});
  CHECK(image->teams == std::vector<std::string>{"a", "b"});
  CHECK(*catalog->images.LayersOf(id) == std::vector<std::string>{"l1", "l2"});
  struct stat st {};
  REQUIRE(::stat((scratch / "catalog.db").c_str(), &st) == 0);
  CHECK((st.st_mode & 07777) == 0600);
  REQUIRE(::stat((scratch / "catalog.db-wal").c_str(), &st) == 0);
  CHECK((st.st_mode & 07777) == 0600);
}

TEST_CASE("a bare name is the newest completed image, then the newest at all") {
  const ScratchDirectory scratch;
  auto catalog = Open(scratch / "catalog.db");
  const int64_t failed = Pending(*catalog, "shop");
  REQUIRE(catalog->images.MarkFailed(failed, "line 3: syntax error", 1'700'000'000));
  CHECK(catalog->images.Find("shop")->id == failed);
  CHECK(catalog->images.Find("shop")->detail == "line 3: syntax error");
  const int64_t first = Completed(*catalog, "shop");
  const int64_t second = Completed(*catalog, "shop");
  const int64_t pending = Pending(*catalog, "shop");
  CHECK(catalog->images.Find("shop")->id == second);
  CHECK(catalog->images.Find(std::to_string(pending))->state == ImageState::kPending);
  CHECK(catalog->images.Find("shop", [&](const ImageRow& row) { return row.id == first; })->id == first);
  REQUIRE(catalog->images.MarkDeleting(second));
  CHECK(catalog->images.Find("shop")->id == first);
  CHECK(CodeOf(catalog->images.Find(std::to_string(second))) == ErrorCode::kNotFound);
  CHECK(catalog->images.ById(second)->state == ImageState::kDeleting);
  for (const char* reference : {"sho", "shop:", ":", "", "99999", "shop:nope", "0", "-1", "' OR 1=1 --"}) {
    const auto found = catalog->images.Find(reference);
    INFO(reference);
    CHECK(CodeOf(found) == ErrorCode::kNotFound);
    CHECK(found.error().message == "no data image '" + std::string(reference) + "'");
  }
}

TEST_CASE("a tag belongs to one completed image of a name and moves to the newest") {
  const ScratchDirectory scratch;
  auto catalog = Open(scratch / "catalog.db");
  const int64_t first = Completed(*catalog, "shop", {"latest", "v1"});
  const int64_t other = Completed(*catalog, "bank", {"latest"});
  const int64_t second = Pending(*catalog, "shop", {"latest", "v2"});
  CHECK(catalog->images.Find("shop:latest")->id == first);  // a build that runs takes nothing yet
  Complete(*catalog, second);
  CHECK(catalog->images.Find("shop:latest")->id == second);
  CHECK(catalog->images.Find("shop:v1")->id == first);
  CHECK(catalog->images.Find("bank:latest")->id == other);
  CHECK(catalog->images.ById(first)->tags == std::vector<std::string>{"v1"});
  // Deleting the newest does not give its tag back.
  REQUIRE(catalog->images.MarkDeleting(second));
  CHECK(CodeOf(catalog->images.Find("shop:latest")) == ErrorCode::kNotFound);
}

TEST_CASE("nobody takes a tag from somebody else's image") {
  const ScratchDirectory scratch;
  auto catalog = Open(scratch / "catalog.db");
  const auto of = [&](uid_t owner, const std::string& name, std::vector<std::string> tags) {
    ImageRow row = NewImage(name, std::move(tags));
    row.owner = owner;
    const auto id = catalog->images.Insert(row);
    REQUIRE(id);
    Complete(*catalog, *id);
    return *id;
  };
  using Tags = std::vector<std::string>;
  const int64_t anns = of(1, "shop", {"latest", "v1", "v2"});
  const int64_t bobs = of(2, "shop", {"latest"});
  REQUIRE(catalog->images.Update(bobs, {.name = {}, .tags = {"v1"}, .teams = {}, .expires_at = {}}));
  const int64_t renamed = of(2, "store", {"v2"});
  REQUIRE(catalog->images.Update(renamed, {.name = "shop", .tags = {}, .teams = {}, .expires_at = {}}));
  CHECK(catalog->images.ById(anns)->tags == Tags{"latest", "v1", "v2"});
  CHECK(catalog->images.ById(bobs)->tags == Tags{"latest", "v1"});
  CHECK(catalog->images.ById(renamed)->tags == Tags{"v2"});
  const auto seen_by = [&](uid_t caller, const char* reference) {
    return catalog->images.Find(reference, [caller](const ImageRow& image) { return image.owner == caller; })
        ->id;
  };
  CHECK(seen_by(1, "shop:latest") == anns);
  CHECK(seen_by(1, "shop:v2") == anns);
  CHECK(seen_by(2, "shop:latest") == bobs);
  CHECK(catalog->images.Find("shop:latest")->id == bobs);  // who sees both gets the newest
  const int64_t bobs_next = of(2, "shop", {"latest"});
  CHECK(catalog->images.ById(bobs)->tags == Tags{"v1"});
  CHECK(seen_by(2, "shop:latest") == bobs_next);
}

TEST_CASE("an image has so many tags and teams, not more") {
  const ScratchDirectory scratch;
  auto catalog = Open(scratch / "catalog.db");
  std::vector<std::string> many;
  for (size_t i = 0; i < kMaxTagsOfImage; ++i) many.push_back("t" + std::to_string(i));
  const int64_t full = Completed(*catalog, "shop", many);
  const auto update = [&](std::vector<std::string> tags, std::vector<std::string> teams) {
    return catalog->images.Update(full, {"other", std::move(tags), std::move(teams), {}});
  };
  CHECK(CodeOf(update({"one-more"}, {})) == ErrorCode::kInvalidArgument);
  CHECK(catalog->images.ById(full)->name == "shop");  // nothing of the change was made
  REQUIRE(update({"t7"}, {}));                        // it has that one
  CHECK(CodeOf(update({}, std::vector<std::string>(many))) == ErrorCode::kInvalidArgument);
  many.emplace_back("one-more");
  CHECK(CodeOf(catalog->images.Insert(NewImage("shop", many))) == ErrorCode::kInvalidArgument);
  CHECK(catalog->images.List()->size() == 1);
}

TEST_CASE("builds that end in another order than they began leave the tag with the newest") {
  const ScratchDirectory scratch;
  auto catalog = Open(scratch / "catalog.db");
  const int64_t older = Pending(*catalog, "shop", {"latest", "only-older"});
  const int64_t newer = Pending(*catalog, "shop", {"latest"});
  Complete(*catalog, newer);
  Complete(*catalog, older);
  CHECK(catalog->images.Find("shop:latest")->id == newer);
  CHECK(catalog->images.Find("shop:only-older")->id == older);
  const int64_t failing = Pending(*catalog, "shop", {"latest"});
  REQUIRE(catalog->images.MarkFailed(failing, "x", 0));
  CHECK(catalog->images.Find("shop:latest")->id == newer);
}

TEST_CASE("only a pending image can be completed or fail, once") {
  const ScratchDirectory scratch;
  auto catalog = Open(scratch / "catalog.db");
  const int64_t id = Completed(*catalog, "shop");
  CHECK(CodeOf(catalog->images.Complete(id, {})) == ErrorCode::kInternal);
  CHECK(CodeOf(catalog->images.MarkFailed(id, "x", 0)) == ErrorCode::kInternal);
  CHECK(CodeOf(catalog->images.Complete(4711, {})) == ErrorCode::kNotFound);
  CHECK(catalog->images.ById(id)->index_file == std::to_string(id) + ".index");
}

TEST_CASE("hidden images are found by their key or id, not by a name, and one key has one image") {
  const ScratchDirectory scratch;
  auto catalog = Open(scratch / "catalog.db");
  ImageRow row = NewImage("empty");
  row.cache_key = "postgresql-15.20";
  const auto id = catalog->images.Insert(row);
  REQUIRE(id);
  CHECK(CodeOf(catalog->images.Insert(row)) == ErrorCode::kAlreadyExists);
  CHECK(catalog->images.FindCached("postgresql-15.20")->id == *id);
  CHECK(CodeOf(catalog->images.FindCached("")) == ErrorCode::kNotFound);
  CHECK(CodeOf(catalog->images.Find("empty")) == ErrorCode::kNotFound);
  CHECK(catalog->images.Find(std::to_string(*id))->id == *id);
  CHECK(catalog->images.List()->empty());
  CHECK(catalog->images.List(Rows::kAll)->size() == 1);
  REQUIRE(catalog->images.MarkDeleting(*id));
  CHECK(CodeOf(catalog->images.FindCached("postgresql-15.20")) == ErrorCode::kNotFound);
  CHECK(CodeOf(catalog->images.Find(std::to_string(*id))) == ErrorCode::kNotFound);
  CHECK(catalog->images.Insert(row));
}

TEST_CASE("garbage collection sees every layer that some image refers to") {
  const ScratchDirectory scratch;
  auto catalog = Open(scratch / "catalog.db");
  const int64_t first = Pending(*catalog, "a");
  const int64_t second = Pending(*catalog, "b");
  CHECK(catalog->images.LayersReferenced()->empty());
  Complete(*catalog, first, {"base", "top"});
  Complete(*catalog, second, {"base"});
  CHECK(*catalog->images.LayersReferenced() == std::vector<std::string>{"base", "top"});
  CHECK(*catalog->images.UsingLayer("base") == std::vector<int64_t>{first, second});
  CHECK(catalog->images.UsingLayer("none")->empty());
  REQUIRE(catalog->images.MarkDeleting(first));
  CHECK(catalog->images.LayersReferenced()->size() == 2);  // until the row is gone
  REQUIRE(catalog->images.Remove(first));
  CHECK(*catalog->images.LayersReferenced() == std::vector<std::string>{"base"});
  CHECK(CodeOf(catalog->images.Remove(first)) == ErrorCode::kNotFound);
}

TEST_CASE("a container is what was written") {
  const ScratchDirectory scratch;
  const std::vector<std::pair<std::string, double>> timings{
      {"keeper", 6.125}, {"a \"quote\"", 0.5}, {"fuse", 1.25}};
  int64_t id = 0;
  {
    auto catalog = Open(scratch / "catalog.db");
    const int64_t image = Completed(*catalog, "shop");
    id = *catalog->containers.Insert(NewContainer("demo", image, 20001));
    CHECK(catalog->containers.Find("demo")->state == ContainerState::kCreating);
    REQUIRE(catalog->containers.Complete(id, 42.5, timings, 1'700'000'001));
  }
  auto catalog = Open(scratch / "catalog.db");
  const auto container = catalog->containers.Find(std::to_string(id));
  REQUIRE(container);
  CHECK(container->name == "demo");
  CHECK(container->image_reference == "shop:latest");
  CHECK(container->state == ContainerState::kRunning);
  CHECK(container->revision == "rev.0");
  CHECK(container->host == "127.0.0.1");
  CHECK(container->port == 20001);
  CHECK(container->user == "spawn_admin_ab12");
  CHECK(container->password == "secretsecretsecr");
  CHECK(container->database == "shop");
  CHECK(container->owner == 1000);
  CHECK(container->durability == api::Durability::kEverySecond);
  CHECK(container->network == api::Network::kNone);
  CHECK(container->superuser);
  CHECK(container->created_at == 1'700'000'001);
  CHECK(container->ready_milliseconds == 42.5);
  CHECK(container->timings == timings);
  CHECK(container->installation_root == "/usr/lib/postgresql/15");
  CHECK(container->installation_version == "15.20");
  REQUIRE(catalog->containers.SetState(id, ContainerState::kFailed, "engine ended"));
  CHECK(catalog->containers.ById(id)->state == ContainerState::kFailed);
  CHECK(catalog->containers.ById(id)->detail == "engine ended");
  REQUIRE(catalog->containers.SetPort(id, 20002));
  CHECK(*catalog->containers.UsedPorts() == std::vector<uint16_t>{20002});
  CHECK(CodeOf(catalog->containers.SetState(4711, ContainerState::kFailed)) == ErrorCode::kNotFound);
  CHECK(CodeOf(catalog->containers.Find("nope")) == ErrorCode::kNotFound);
  CHECK(CodeOf(catalog->containers.Find("demo", [](const ContainerRow&) { return false; })) ==
        ErrorCode::kNotFound);
}

TEST_CASE("revisions are noted once, and going back is finished or found") {
  const ScratchDirectory scratch;
  const std::string path = scratch.Path() + "/catalog.db";
  int64_t id = 0;
  {
    const auto catalog = Open(path);
    id = catalog->containers.Insert(NewContainer("demo", Completed(*catalog, "shop"), 20001)).value();
    REQUIRE(catalog->containers.SetState(id, ContainerState::kRunning));
    REQUIRE(catalog->containers.NoteSaved(id, {{.number = 1, .created_at = 50, .unique_bytes = 4096}}));
    REQUIRE(catalog->containers.NoteSaved(id, {{.number = 1, .created_at = 99, .unique_bytes = 1},
                                               {.number = 2, .created_at = 60, .unique_bytes = 8192}}));
    REQUIRE(catalog->containers.NoteRevisions(
        id, {{.number = 1}, {.number = 2}, {.number = 3, .created_at = 70}}));
    REQUIRE(catalog->containers.BeginRevert(id, 1));
  }
  const auto catalog = Open(path);
  ContainerRow row = catalog->containers.ById(id).value();
  CHECK(row.state == ContainerState::kReverting);
  CHECK(row.revert_to == 1U);
  CHECK(row.revision == "rev.2");  // until it is there; what was only noted is not current
  REQUIRE(row.revisions.size() == 3);
  CHECK(row.revisions[0].created_at == 50);
  CHECK(row.revisions[0].unique_bytes == 4096);
  CHECK(row.revisions[2].created_at == 70);
  REQUIRE(catalog->containers.FinishRevert(id, 1));
  row = catalog->containers.Find("demo").value();
  CHECK(row.state == ContainerState::kRunning);
  CHECK(row.revision == "rev.1");
  CHECK_FALSE(row.revert_to);

  REQUIRE(catalog->containers.BeginRevert(id, 0));
  REQUIRE(catalog->containers.SetState(id, ContainerState::kFailed, "damaged"));
  row = catalog->containers.ById(id).value();
  CHECK(row.state == ContainerState::kFailed);
  CHECK_FALSE(row.revert_to);
  CHECK_FALSE(row.stays_down);
  CHECK(CodeOf(catalog->containers.NoteSaved(4711, {{.number = 1}})) != ErrorCode::kInternal);
  REQUIRE(catalog->containers.MarkDeleting(id));
  CHECK(CodeOf(catalog->containers.BeginRevert(id, 1)) == ErrorCode::kNotFound);
  REQUIRE(catalog->containers.Remove(id));  // and its revisions with it
}

TEST_CASE("a container is in one of its volumes, and each revision is held by one") {
  const ScratchDirectory scratch;
  const auto catalog = Open(scratch.Path() + "/catalog.db");
  ContainerTable& containers = catalog->containers;
  const int64_t id = containers.Insert(NewContainer("demo", Completed(*catalog, "shop"), 20001)).value();
  CHECK(CodeOf(containers.TakeSpare(id, 0, "v1")) == ErrorCode::kNotFound);  // it does not run yet
  REQUIRE(containers.SetState(id, ContainerState::kRunning));
  REQUIRE(containers.NoteSaved(id, {{.number = 1}}));
  REQUIRE(containers.TakeSpare(id, 1, "v1"));
  ContainerRow row = containers.ById(id).value();
  CHECK(row.volume == "v1");
  CHECK(row.revision == "rev.1");
  CHECK(row.state == ContainerState::kRunning);
  CHECK(row.spare);
  REQUIRE(containers.NoteSaved(id, {{.number = 2, .volume = "v1"}}));
  REQUIRE(containers.NoteRevisions(id, {{.number = 2, .volume = "v1"}, {.number = 3, .volume = "v1"}}));
  row = containers.ById(id).value();
  CHECK(HolderOf(row, 0).empty());
  CHECK(HolderOf(row, 1).empty());
  CHECK(HolderOf(row, 2) == "v1");
  CHECK(HolderOf(row, 3) == "v1");
  REQUIRE(containers.BeginRevert(id, 1));
  CHECK(containers.ById(id)->volume.empty());
  REQUIRE(containers.FinishRevert(id, 1));
  REQUIRE(containers.BeginRevert(id, 3));
  CHECK(containers.ById(id)->volume == "v1");
  REQUIRE(containers.BeginRevert(id, 0));
  CHECK(containers.ById(id)->volume.empty());
  REQUIRE(containers.MoveTo(id, "v7"));
  CHECK(containers.ById(id)->volume == "v7");
}

TEST_CASE("a spare is wanted from the first reset on, and of a load nobody makes one") {
  const ScratchDirectory scratch;
  const auto catalog = Open(scratch.Path() + "/catalog.db");
  const int64_t id =
      catalog->containers.Insert(NewContainer("demo", Completed(*catalog, "shop"), 20001)).value();
  REQUIRE(catalog->containers.SetState(id, ContainerState::kRunning));
  REQUIRE(catalog->containers.NoteSaved(id, {{.number = 1}}));
  REQUIRE(catalog->containers.BeginRevert(id, 0));
  REQUIRE(catalog->containers.FinishRevert(id, 0));
  CHECK_FALSE(catalog->containers.ById(id)->spare);
  REQUIRE(catalog->containers.BeginRevert(id, 0));
  CHECK(catalog->containers.ById(id)->spare);
}

TEST_CASE("that a container stays down is a column, whatever its detail says") {
  const ScratchDirectory scratch;
  const std::string path = scratch / "catalog.db";
  int64_t id = 0;
  {
    const auto catalog = Open(path);
    id = catalog->containers.Insert(NewContainer("demo", Completed(*catalog, "shop"), 20001)).value();
    REQUIRE(
        catalog->containers.SetState(id, ContainerState::kFailed, "not started again by itself: only words"));
    CHECK_FALSE(catalog->containers.ById(id)->stays_down);
    REQUIRE(catalog->containers.KeepDown(id, "cannot sync"));
  }
  const auto catalog = Open(path);
  ContainerRow row = catalog->containers.ById(id).value();
  CHECK(row.state == ContainerState::kFailed);
  CHECK(row.stays_down);
  CHECK(row.detail == "cannot sync");
  REQUIRE(catalog->containers.BeginRevert(id, 0));
  CHECK_FALSE(catalog->containers.ById(id)->stays_down);
  REQUIRE(catalog->containers.KeepDown(id, "cannot sync"));
  CHECK_FALSE(catalog->containers.ById(id)->revert_to);
  REQUIRE(catalog->containers.SetState(id, ContainerState::kRunning));
  CHECK_FALSE(catalog->containers.ById(id)->stays_down);
}

TEST_CASE("a pending image keeps the layers it has leased") {
  const ScratchDirectory scratch;
  const auto catalog = Open(scratch.Path() + "/catalog.db");
  const int64_t base = Pending(*catalog, "base");
  Complete(*catalog, base, {"l1", "l2"});
  ImageRow row = NewImage("grown");
  row.leased_layers = {"l1", "l2"};
  const int64_t id = catalog->images.Insert(row).value();
  REQUIRE(catalog->images.MarkDeleting(base));
  REQUIRE(catalog->images.Remove(base));
  CHECK(catalog->images.LayersReferenced().value() == std::vector<std::string>{"l1", "l2"});
  Complete(*catalog, id, {"l2", "l3"});
  CHECK(catalog->images.LayersReferenced().value() == std::vector<std::string>{"l2", "l3"});
}

TEST_CASE("a name is taken while its container lives, a port until the row is gone") {
  const ScratchDirectory scratch;
  auto catalog = Open(scratch / "catalog.db");
  const int64_t image = Completed(*catalog, "shop");
  const int64_t first = *catalog->containers.Insert(NewContainer("demo", image, 20000));
  const auto taken = catalog->containers.Insert(NewContainer("demo", image, 20001));
  CHECK(CodeOf(taken) == ErrorCode::kAlreadyExists);
  CHECK(taken.error().message.find("'demo'") != std::string::npos);
  ContainerRow of_other = NewContainer("demo", image, 20009);
  of_other.owner += 1;
  const auto others = catalog->containers.Insert(of_other);
  REQUIRE(others);
  CHECK(
      catalog->containers.Find("demo", [&](const ContainerRow& row) { return row.owner == of_other.owner; })
          ->id == *others);
  REQUIRE(catalog->containers.Remove(*others));
  CHECK(CodeOf(catalog->containers.Insert(NewContainer("other", image, 20000))) == ErrorCode::kInUse);
  REQUIRE(catalog->containers.MarkDeleting(first));
  CHECK(CodeOf(catalog->containers.Find("demo")) == ErrorCode::kNotFound);
  CHECK(CodeOf(catalog->containers.Insert(NewContainer("demo", image, 20000))) == ErrorCode::kInUse);
  const auto second = catalog->containers.Insert(NewContainer("demo", image, 20001));
  REQUIRE(second);
  CHECK(CodeOf(catalog->containers.SetPort(*second, 20000)) == ErrorCode::kInUse);
  CHECK(catalog->containers.SetPort(*second, 20001));
  CHECK(*catalog->containers.UsedPorts() == std::vector<uint16_t>{20000, 20001});
  CHECK(catalog->containers.List()->size() == 1);
  CHECK(catalog->containers.List(Rows::kAll)->size() == 2);
  REQUIRE(catalog->containers.Remove(first));
  CHECK(*catalog->containers.UsedPorts() == std::vector<uint16_t>{20001});
}

TEST_CASE("an image in use is not deleted, and says by whom") {
  const ScratchDirectory scratch;
  auto catalog = Open(scratch / "catalog.db");
  const int64_t image = Completed(*catalog, "shop");
  const int64_t a = *catalog->containers.Insert(NewContainer("a", image, 20000));
  const int64_t b = *catalog->containers.Insert(NewContainer("b", image, 20001));
  const auto refused = catalog->images.MarkDeleting(image);
  CHECK(CodeOf(refused) == ErrorCode::kInUse);
  CHECK(refused.error().message ==
        "data image 'shop' (" + std::to_string(image) + ") is in use by data containers 'a', 'b'");
  REQUIRE(catalog->containers.MarkDeleting(a));
  ContainerRow of_other = NewContainer("secret", image, 20003);
  of_other.owner = 64102;
  const int64_t other = *catalog->containers.Insert(of_other);
  const auto users = [&](uid_t asker) {
    const std::string message = catalog->images.MarkDeleting(image, asker).error().message;
    return message.substr(message.find("in use by"));
  };
  const uid_t owner = NewContainer("b", image, 0).owner;
  CHECK(users(0) == "in use by data containers 'b', 'secret'");
  CHECK(users(owner) == "in use by data containers 'b' and 1 of others");
  CHECK(users(64103) == "in use by 2 data containers of others");
  REQUIRE(catalog->containers.MarkDeleting(b));
  CHECK(users(owner) == "in use by 1 data container of others");
  REQUIRE(catalog->containers.Remove(other));
  REQUIRE(catalog->images.MarkDeleting(image));
  CHECK(CodeOf(catalog->containers.Insert(NewContainer("c", image, 20002))) == ErrorCode::kNotFound);
  CHECK(CodeOf(catalog->images.Remove(image)) == ErrorCode::kInUse);
  CHECK(catalog->containers.OfImage(image)->size() == 2);
  REQUIRE(catalog->containers.Remove(a));
  REQUIRE(catalog->containers.Remove(b));
  CHECK(catalog->images.Remove(image));
}

}  // namespace
}  // namespace spawnd::daemon
