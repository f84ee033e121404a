/// Every change of an image or a container is told, once, in its own transaction, whoever makes it.
#include "daemon/catalog/events.h"

#include "daemon/catalog/database.h"
#include "tests/support/scratch_directory.h"
#include "tests/unit/daemon/catalog/sample_rows.h"

namespace spawnd::daemon {
namespace {

struct Told {
  Told() : catalog(Open(path)), reader(std::move(*EventReader::Open(path))) {}

  /// What has come since the last time: "container created demo".
  std::vector<std::string> News() {
    std::vector<std::string> lines;
    rows = reader->After(seen, 1000).value();
    for (const EventRow& row : rows) {
      CHECK(row.id == seen + 1);  // no gap
      seen = row.id;
      lines.push_back(row.resource + " " + row.event + " " + row.name +
                      (row.detail.empty() ? "" : ": " + row.detail));
    }
    return lines;
  }

  const ScratchDirectory scratch;
  const std::string path = scratch.Path() + "/catalog.db";
  std::unique_ptr<Catalog> catalog;
  std::unique_ptr<EventReader> reader;
  int64_t seen = 0;
  std::vector<EventRow> rows;
};

using Lines = std::vector<std::string>;

TEST_CASE("events: the life of an image") {
  Told told;
  auto& images = told.catalog->images;
  const int64_t shop = Pending(*told.catalog, "shop", {"latest"});
  CHECK(told.News() == Lines{"image pending shop"});
  CHECK(told.rows[0].subject == shop);
  CHECK(told.rows[0].image_id == shop);
  CHECK(told.rows[0].owner == 1000);
  CHECK(told.rows[0].actor == 1000);  // what one makes is one's own
  CHECK(told.rows[0].tags == Lines{"latest"});
  CHECK(told.rows[0].teams == Lines{"a", "b"});
  CHECK(told.rows[0].time > 1'700'000'000'000);
  REQUIRE(images.Lease(shop, "l1"));
  CHECK(told.News().empty());
  Complete(*told.catalog, shop);
  CHECK(told.News() == Lines{"image completed shop"});
  CHECK(told.rows[0].actor == 1000);  // whose build it is that ends

  {
    const auto because = told.catalog->events.Because({.actor = 1001, .token_id = 10050});
    REQUIRE(images.Update(
        shop, {.name = "store", .tags = {"x"}, .teams = {}, .expires_at = 0, .remove_teams = {"a"}}));
  }
  CHECK(told.News() ==
        Lines{"image updated store: name 'store' for 'shop'; tags latest, x; teams b; never expires",
              "image unshared shop: from a"});
  CHECK(told.rows[0].teams == Lines{"b"});
  CHECK(told.rows[1].teams == Lines{"a"});  // who cannot see it any more is told that, and not its new name
  CHECK(told.rows[0].actor == 1001);
  CHECK(told.rows[0].token_id == 10050);
  REQUIRE(images.Update(shop, {.name = {}, .tags = {"x"}, .teams = {"b"}, .expires_at = 0}));
  CHECK(told.News().empty());  // says what is so already

  // A tag that moves is a change of both.
  const int64_t newer = Completed(*told.catalog, "store", {"x"});
  CHECK(told.News() ==
        Lines{"image pending store", "image completed store", "image updated store: tags latest"});
  REQUIRE(images.MarkDamaged(newer, "a chunk is damaged"));
  CHECK(told.News() == Lines{"image failed store: a chunk is damaged"});
  {
    const auto because = told.catalog->events.Because({.word = "expired"});
    REQUIRE(images.MarkDeleting(newer));
  }
  REQUIRE(images.MarkDeleting(shop));
  CHECK(told.News() == Lines{"image expired store", "image deleted store"});
  CHECK(told.rows[1].tags == Lines{"latest"});  // as it was
  CHECK_FALSE(told.rows[1].actor);
  REQUIRE(images.Remove(shop));
  CHECK(told.News().empty());  // that was told when it began

  // A build that fails leaves no image.
  const int64_t bad = Pending(*told.catalog, "bad");
  {
    const auto because = told.catalog->events.Because({.detail = "the dump is damaged"});
    REQUIRE(images.MarkDeleting(bad));
  }
  CHECK(told.News() == Lines{"image pending bad", "image failed bad: the dump is damaged"});
  // What fails to be changed is not told.
  CHECK_FALSE(images.MarkFailed(bad, "again", 1));
  CHECK(told.News().empty());
}

TEST_CASE("events: nothing is told of the empty states behind built-in images") {
  Told told;
  ImageRow empty = NewImage("postgres-empty");
  empty.cache_key = "empty:15";
  const int64_t id = told.catalog->images.Insert(empty).value();
  Complete(*told.catalog, id);
  CHECK(told.News().empty());
  REQUIRE(told.catalog->containers.Insert(NewContainer("demo", id, 20001)));
  CHECK(told.News() == Lines{"container created demo"});
  CHECK(told.rows[0].built_in == "postgresql:15.20");
}

TEST_CASE("events: the life of a container") {
  Told told;
  const int64_t shop = Completed(*told.catalog, "shop", {"latest"});
  told.News();
  auto& containers = told.catalog->containers;
  int64_t demo = 0;
  {
    const auto because = told.catalog->events.Because({.actor = 1000, .token_id = 10050});
    demo = containers.Insert(NewContainer("demo", shop, 20001)).value();
  }
  REQUIRE(containers.SetPort(demo, 20005));
  REQUIRE(containers.Complete(demo, 31.5, {}, 1'700'000'002));
  CHECK(told.News() == Lines{"container created demo", "container started demo"});
  for (const EventRow& row : told.rows) {
    CHECK(row.actor == 1000);
    CHECK(row.token_id == 10050);  // who waits for it is who asked for it
    CHECK(row.image == "shop:latest");
    CHECK(row.image_id == shop);
    CHECK(row.image_name == "shop");
    CHECK(row.image_owner == 1000);
    CHECK(row.tags == Lines{"latest"});
  }
  REQUIRE(containers.NoteSaved(demo, {{1, 5, 0}}));
  REQUIRE(containers.NoteSaved(demo, {{1, 5, 0}, {2, 6, 0}}));
  CHECK(told.News() == Lines{"container saved demo", "container saved demo"});
  CHECK(told.rows[1].revision == "rev.2");
  // One whose daemon died before it could write it down.
  REQUIRE(containers.NoteRevisions(demo, {{1, 5, 0}, {2, 6, 0}, {3, 6, 0}}));
  CHECK(told.News() == Lines{"container saved demo"});

  REQUIRE(containers.SetState(demo, ContainerState::kRestarting, "its keeper was killed"));
  REQUIRE(containers.SetState(demo, ContainerState::kRestarting, "it was killed again"));
  REQUIRE(containers.SetState(demo, ContainerState::kRunning));
  CHECK(told.News() ==
        Lines{"container engine-ended demo: its keeper was killed", "container restarted demo"});
  CHECK_FALSE(told.rows[0].actor);
  CHECK_FALSE(told.rows[1].actor);
  {
    const auto because =
        told.catalog->events.Because({.word = "out-of-memory", .detail = "2 processes were killed"});
    REQUIRE(containers.SetState(demo, ContainerState::kRestarting, "its server ended"));
  }
  REQUIRE(containers.KeepDown(demo, "its disk is broken"));
  CHECK(told.News() == Lines{"container out-of-memory demo: 2 processes were killed",
                             "container engine-ended demo: its server ended",
                             "container failed demo: its disk is broken"});
  {
    const auto because = told.catalog->events.Because({.actor = 0, .word = "loading"});
    REQUIRE(containers.BeginRevert(demo, 1));
  }
  REQUIRE(containers.Update(demo, {.name = "renamed", .expires_at = {}}));
  REQUIRE(containers.FinishRevert(demo, 1));
  CHECK(told.News() == Lines{"container loading demo: it goes back to rev.1",
                             "container updated renamed: name 'renamed' for 'demo'",
                             "container loaded renamed"});
  CHECK(told.rows[2].revision == "rev.1");
  CHECK(told.rows[2].actor == 0);
  REQUIRE(containers.BeginRevert(demo, 1));
  REQUIRE(containers.FinishRevert(demo, 1));
  CHECK(told.News() ==
        Lines{"container resetting renamed: it goes back to rev.1", "container reset renamed"});
  REQUIRE(containers.TakeSpare(demo, 1, "v1"));
  CHECK(told.News() ==
        Lines{"container resetting renamed: it goes back to rev.1", "container reset renamed"});
  REQUIRE(containers.Update(demo, {.name = {}, .expires_at = {}, .owner = 1001}));
  CHECK(told.News() == Lines{"container updated renamed: owner 1001 for 1000",
                             "container unshared renamed: it has another owner"});
  CHECK(told.rows[0].owner == 1001);
  CHECK(told.rows[1].owner == 1000);
  {
    const auto because = told.catalog->events.Because({.actor = 1000});
    REQUIRE(containers.SetState(demo, ContainerState::kStopping));
  }
  REQUIRE(containers.SetState(demo, ContainerState::kStopped));
  CHECK(told.News() == Lines{"container stopping renamed", "container stopped renamed"});
  CHECK(told.rows[1].actor == 1000);
  for (const std::string_view word : {"starting", "restarting"}) {
    const auto because = told.catalog->events.Because({.actor = 1000, .word = word});
    REQUIRE(containers.SetState(demo, ContainerState::kRestarting));
    const auto by_itself = told.catalog->events.Because({});
    REQUIRE(containers.SetState(demo, ContainerState::kRunning));
  }
  CHECK(told.News() == Lines{"container starting renamed", "container started renamed",
                             "container restarting renamed", "container restarted renamed"});
  CHECK(told.rows[3].actor == 1000);
  REQUIRE(containers.MarkRestarting({demo}, "the machine was started anew"));
  REQUIRE(containers.SetState(demo, ContainerState::kRunning));
  CHECK(told.News() ==
        Lines{"container engine-ended renamed: the machine was started anew", "container restarted renamed"});
  REQUIRE(containers.BeginSleep(demo));
  REQUIRE(containers.SetState(demo, ContainerState::kAsleep));
  {
    const auto because = told.catalog->events.Because({.word = "waking", .detail = "somebody has connected"});
    REQUIRE(containers.SetState(demo, ContainerState::kRestarting));
  }
  REQUIRE(containers.SetState(demo, ContainerState::kRunning));
  CHECK(told.News() == Lines{"container stopping renamed", "container asleep renamed",
                             "container waking renamed: somebody has connected", "container awake renamed"});
  REQUIRE(containers.MarkDeleting(demo));
  REQUIRE(containers.Remove(demo));
  CHECK(told.News() == Lines{"container deleted renamed"});

  // A create that fails leaves nothing; its row goes without having been marked.
  const int64_t bad = containers.Insert(NewContainer("bad", shop, 20002)).value();
  {
    const auto because = told.catalog->events.Because({.detail = "no room"});
    REQUIRE(containers.Remove(bad));
  }
  CHECK(told.News() == Lines{"container created bad", "container failed bad: no room"});
}

TEST_CASE("events: a graduation is told of both") {
  Told told;
  const int64_t shop = Completed(*told.catalog, "shop");
  const int64_t demo = told.catalog->containers.Insert(NewContainer("demo", shop, 20001)).value();
  told.News();
  int64_t made = 0;
  {
    const auto because =
        told.catalog->events.Because({.actor = 1000, .container_id = demo, .revision = "rev.2"});
    made = Pending(*told.catalog, "demo-graduate-1");
  }
  Complete(*told.catalog, made);
  CHECK(told.News() ==
        Lines{"image pending demo-graduate-1", "image completed demo-graduate-1",
              "container graduated demo: data image 'demo-graduate-1' (" + std::to_string(made) + ")"});
  CHECK(told.rows[1].container_id == demo);
  CHECK(told.rows[1].revision == "rev.2");
  CHECK(told.rows[2].revision == "rev.2");
}

TEST_CASE("events: ids go on over a restart, and only so many are kept") {
  const ScratchDirectory scratch;
  const std::string path = scratch.Path() + "/catalog.db";
  int64_t shop = 0;
  {
    const auto catalog = Open(path);
    shop = Pending(*catalog, "shop");
  }
  const auto catalog = Open(path);
  int told = 0;
  catalog->events.OnTold([&told] { ++told; });
  catalog->events.Keep(100);
  Complete(*catalog, shop);
  CHECK(told == 1);
  CHECK_FALSE(catalog->images.Complete(shop, {}));
  CHECK(told == 1);
  for (int i = 0; i < 700; ++i) {
    REQUIRE(catalog->images.Update(shop, {.name = {}, .tags = {}, .teams = {}, .expires_at = 100 + i}));
  }
  const auto reader = std::move(*EventReader::Open(path));
  const auto kept = reader->WhatIsKept().value();
  CHECK(kept.newest == 702);
  CHECK(kept.oldest >= kept.newest - 200);
  CHECK(kept.oldest <= kept.newest - 99);
  CHECK(reader->After(0, 10)->front().id == kept.oldest);
  CHECK(reader->After(0, 10)->size() == 10);
  CHECK(reader->After(kept.newest, 10)->empty());
  const auto middle = reader->After(650, 1)->front();
  CHECK(reader->FirstSince(middle.time).value() <= 651);
  CHECK(reader->FirstSince(0).value() == kept.oldest);
  CHECK(reader->FirstSince(int64_t{1} << 60).value() == kept.newest + 1);
  // A reader cannot change anything.
  CHECK_FALSE(reader->HasToken(5).value());
}

TEST_CASE("events: a long detail is cut where no character is") {
  Told told;
  const int64_t shop = Pending(*told.catalog, "shop");
  std::string detail = "x";
  while (detail.size() < 2000) detail += "\xC3\xA4";
  REQUIRE(told.catalog->images.MarkFailed(shop, detail, 1));
  told.News();
  const std::string& said = told.rows.back().detail;
  CHECK(said.size() <= kMaxEventDetail + 4);
  CHECK(said.ends_with("\xC3\xA4 ..."));
}

}  // namespace
}  // namespace spawnd::daemon
