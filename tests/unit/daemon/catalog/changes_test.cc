/// Access tokens, what can be changed later, and what expires when.
#include "tests/support/scratch_directory.h"
#include "tests/unit/daemon/catalog/sample_rows.h"

namespace spawnd::daemon {
namespace {

TEST_CASE("stopped containers, as their rows say") {
  const ScratchDirectory scratch;
  const std::string path = scratch.Path() + "/catalog.db";
  auto catalog = Open(path);
  const int64_t image = Completed(*catalog, "shop");
  const int64_t id = catalog->containers.Insert(NewContainer("demo", image, 20001)).value();
  REQUIRE(catalog->containers.Complete(id, 1, {}, 0));
  const auto state = [&] { return catalog->containers.ById(id)->state; };
  REQUIRE(catalog->containers.SetState(id, ContainerState::kStopping));
  CHECK(state() == ContainerState::kStopping);
  REQUIRE(catalog->containers.SetState(id, ContainerState::kStopped, "it was killed"));
  catalog.reset();
  catalog = Open(path);
  CHECK(state() == ContainerState::kStopped);
  CHECK(catalog->containers.ById(id)->detail == "it was killed");
  CHECK(catalog->containers.UsedPorts().value() == std::vector<uint16_t>{20001});
  // A start of the daemon does not take it for one that runs.
  REQUIRE(catalog->containers.MarkRestarting({id}, "x"));
  CHECK(state() == ContainerState::kStopped);
  // One that is found damaged while it is stopped stays so, and is started by a person only.
  REQUIRE(catalog->containers.KeepDown(id, "damaged"));
  CHECK(state() == ContainerState::kStopped);
  CHECK(catalog->containers.ById(id)->stays_down);
  REQUIRE(catalog->containers.SetState(id, ContainerState::kStopped, "again"));
  CHECK(catalog->containers.ById(id)->detail == "damaged");
  REQUIRE(catalog->containers.SetState(id, ContainerState::kRestarting));
  CHECK(state() == ContainerState::kRestarting);
  CHECK_FALSE(catalog->containers.ById(id)->stays_down);
  REQUIRE(catalog->containers.SetState(id, ContainerState::kRunning));
  REQUIRE(catalog->containers.MarkRestarting({id}, "no keeper"));
  CHECK(state() == ContainerState::kRestarting);
  for (const ContainerState before : {ContainerState::kStopping, ContainerState::kStopped}) {
    REQUIRE(catalog->containers.SetState(id, before));
    REQUIRE(catalog->containers.BeginRevert(id, 0));
    CHECK(state() == ContainerState::kReverting);
    REQUIRE(catalog->containers.FinishRevert(id, 0));
    CHECK(state() == ContainerState::kRunning);
  }
  REQUIRE(catalog->containers.SetState(id, ContainerState::kStopped));
  REQUIRE(catalog->containers.MarkDeleting(id));
  CHECK(state() == ContainerState::kDeleting);
}

TEST_CASE("sleeping containers, as their rows say") {
  const ScratchDirectory scratch;
  const std::string path = scratch.Path() + "/catalog.db";
  auto catalog = Open(path);
  auto& containers = catalog->containers;
  const int64_t image = Completed(*catalog, "shop");
  const int64_t id = containers.Insert(NewContainer("demo", image, 20001)).value();
  CHECK_FALSE(containers.BeginSleep(id));  // it is being created
  REQUIRE(containers.Complete(id, 1, {}, 0));
  const auto state = [&] { return containers.ById(id)->state; };
  REQUIRE(containers.BeginSleep(id));
  CHECK(state() == ContainerState::kStopping);
  CHECK(containers.ById(id)->asleep);
  REQUIRE(containers.SetState(id, ContainerState::kAsleep));
  CHECK(state() == ContainerState::kAsleep);
  REQUIRE(containers.MarkRestarting({id}, "x"));
  CHECK(state() == ContainerState::kAsleep);
  for (const ContainerState after :
       {ContainerState::kStopped, ContainerState::kRestarting, ContainerState::kRunning}) {
    REQUIRE(containers.SetState(id, after));
    CHECK(state() == after);
    CHECK_FALSE(containers.ById(id)->asleep);
    REQUIRE(containers.SetState(id, ContainerState::kAsleep));
  }
  REQUIRE(containers.BeginRevert(id, 0));
  CHECK(state() == ContainerState::kReverting);
  REQUIRE(containers.FinishRevert(id, 0));
  // After a reboot: only what was running.
  REQUIRE(containers.MarkAsleep({id}));
  CHECK(state() == ContainerState::kAsleep);
  REQUIRE(containers.SetState(id, ContainerState::kStopped));
  REQUIRE(containers.MarkAsleep({id}));
  CHECK(state() == ContainerState::kStopped);
  REQUIRE(containers.Update(id, {.name = "", .expires_at = {}, .sleep_after = 60}));
  REQUIRE(containers.Update(id, {.name = "", .expires_at = {}, .idle_delete = 7}));
  CHECK(containers.ById(id)->sleep_after == 60);
  CHECK(containers.ById(id)->idle_delete == 7);
  REQUIRE(catalog->images.Update(image,
                                 {.name = "", .tags = {}, .teams = {}, .expires_at = {}, .sleep_after = 5}));
  CHECK(catalog->images.ById(image)->sleep_after == 5);
}

TEST_CASE("tokens, changes and what expires") {
  const ScratchDirectory scratch;
  const auto catalog = Open(scratch.Path() + "/catalog.db");
  TokenRow token;
  token.hash = "00ff";
  token.purpose = "ci";
  token.owner = 1000;
  token.created_at = 5;
  token.id = catalog->tokens.Insert(token).value();
  REQUIRE(catalog->tokens.NoteUse(token.id, 77));
  CHECK(catalog->tokens.ById(token.id)->last_used_at == 77);
  CHECK(catalog->tokens.ById(token.id)->hash == "00ff");
  CHECK(catalog->tokens.List()->size() == 1);
  REQUIRE(catalog->tokens.Remove(token.id));
  CHECK(CodeOf(catalog->tokens.ById(token.id)) == ErrorCode::kNotFound);
  CHECK(CodeOf(catalog->tokens.Remove(token.id)) == ErrorCode::kNotFound);

  const int64_t shop = Completed(*catalog, "shop");
  const int64_t other = Completed(*catalog, "shop");
  const int64_t demo = catalog->containers.Insert(NewContainer("demo", shop, 20001)).value();
  const int64_t second = catalog->containers.Insert(NewContainer("second", other, 20002)).value();
  REQUIRE(catalog->images.Update(other, {.name = {}, .tags = {}, .teams = {}, .expires_at = 0}));
  CHECK(catalog->NextExpiry(1'800'000'000).value() == 0);
  REQUIRE(catalog->images.Update(shop, {.name = {}, .tags = {"x"}, .teams = {"t"}, .expires_at = 100}));
  REQUIRE(catalog->containers.Complete(demo, 1, {}, 0));
  REQUIRE(catalog->containers.Update(demo, {.name = {}, .expires_at = 200}));
  CHECK(catalog->NextExpiry(0).value() == 100);
  CHECK(catalog->NextExpiry(100).value() == 200);
  CHECK(catalog->images.Expired(150)->empty());  // demo uses it
  CHECK(catalog->containers.Expired(199)->empty());
  CHECK(catalog->containers.Expired(200).value() == std::vector<int64_t>{demo});
  REQUIRE(catalog->containers.MarkDeleting(demo));
  CHECK(catalog->images.Expired(99)->empty());
  CHECK(catalog->images.Expired(100).value() == std::vector<int64_t>{shop});

  REQUIRE(catalog->images.Update(other, {.name = {}, .tags = {"x"}, .teams = {}, .expires_at = {}}));
  CHECK(catalog->images.Find("shop:x")->id == other);
  REQUIRE(catalog->images.Update(shop, {.name = "store", .tags = {"y"}, .teams = {}, .expires_at = 0}));
  CHECK(catalog->images.Find("store:y")->id == shop);
  CHECK(catalog->images.ById(shop)->expires_at == 0);
  REQUIRE(catalog->images.Update(other, {.name = {}, .tags = {"y"}, .teams = {}, .expires_at = {}}));
  REQUIRE(catalog->images.Update(other, {.name = "store", .tags = {}, .teams = {}, .expires_at = {}}));
  CHECK(catalog->images.Find("store:y")->id == other);

  REQUIRE(
      catalog->images.Update(shop, {.name = {}, .tags = {"a", "b"}, .teams = {"t", "u"}, .expires_at = {}}));
  REQUIRE(catalog->images.Update(shop, {.name = {},
                                        .tags = {"c"},
                                        .teams = {},
                                        .expires_at = {},
                                        .remove_tags = {"a", "z"},
                                        .remove_teams = {"t"}}));
  CHECK(catalog->images.ById(shop)->tags == std::vector<std::string>{"b", "c"});
  CHECK(catalog->images.ById(shop)->teams == std::vector<std::string>{"a", "b", "u"});
  CHECK(CodeOf(catalog->images.Find("store:a")) == ErrorCode::kNotFound);
  CHECK(catalog->images.Find("store:y")->id == other);

  CHECK(CodeOf(catalog->containers.Update(demo, {.name = "second", .expires_at = {}})) ==
        ErrorCode::kAlreadyExists);
  REQUIRE(
      catalog->containers.Update(second, {.name = "demo", .expires_at = {}}));  // free: the first is going
  CHECK(catalog->containers.Find("demo")->id == second);
}

TEST_CASE("a lifetime begins when what has it can be used") {
  constexpr int64_t kBegun = 1'700'000'000;
  constexpr int64_t kLifetime = 100'000'000;  // of NewImage
  constexpr int64_t kLate = kBegun + 2 * kLifetime;
  const ScratchDirectory scratch;
  const auto catalog = Open(scratch.Path() + "/catalog.db");

  const int64_t image = Pending(*catalog, "shop");
  CHECK(catalog->NextExpiry(0).value() == 0);
  CHECK(catalog->images.Expired(kLate)->empty());
  REQUIRE(catalog->images.Complete(image, {"", 1, 1, "x", {"l1"}, kLate}));
  CHECK(catalog->images.ById(image)->expires_at == kLate + kLifetime);
  CHECK(catalog->images.Expired(kLate + kLifetime - 1)->empty());
  CHECK(catalog->images.Expired(kLate + kLifetime).value() == std::vector<int64_t>{image});

  const int64_t failed = Pending(*catalog, "failed");
  REQUIRE(catalog->images.MarkFailed(failed, "a disk is full", kLate + 1));
  CHECK(catalog->images.ById(failed)->expires_at == kLate + 1 + kLifetime);
  REQUIRE(catalog->images.MarkDamaged(image, "a chunk is damaged"));  // no new life
  CHECK(catalog->images.ById(image)->expires_at == kLate + kLifetime);

  const int64_t forever = Pending(*catalog, "forever");
  REQUIRE(catalog->images.Update(forever, {.name = {}, .tags = {}, .teams = {}, .expires_at = 0}));
  REQUIRE(catalog->images.Complete(forever, {"", 1, 1, "x", {"l1"}, kLate}));
  CHECK(catalog->images.ById(forever)->expires_at == 0);

  ContainerRow row = NewContainer("demo", forever, 20001);
  row.created_at = kBegun;
  row.expires_at = kBegun + 10;
  const int64_t demo = catalog->containers.Insert(row).value();
  CHECK(catalog->containers.Expired(kLate)->empty());
  REQUIRE(catalog->containers.Complete(demo, 1, {}, kBegun + 30));
  CHECK(catalog->containers.ById(demo)->expires_at == kBegun + 40);
  CHECK(catalog->NextExpiry(kBegun).value() == kBegun + 40);
  CHECK(catalog->containers.Expired(kBegun + 40).value() == std::vector<int64_t>{demo});
}

}  // namespace
}  // namespace spawnd::daemon
