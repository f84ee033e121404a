/// Lifetimes against a clock that the test sets: what is due goes, what is not or is in use stays, whatever
/// the clock does. With real files, rows, timers and removals; tests/end_to_end/clock_test.sh has a whole
/// daemon.
#include "daemon/reaper.h"

#include <chrono>
#include <string>

#include "daemon/access/tokens.h"
#include "daemon/catalog/database.h"
#include "daemon/reconcile.h"
#include "tests/support/catch.h"
#include "tests/unit/daemon/machine.h"

namespace spawnd::daemon {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int64_t kNow = 1'700'000'000;
constexpr int64_t kHour = 3600;

/// A machine whose reaper goes by `now` and counts how often it asks.
struct Lifetimes : Machine {
  explicit Lifetimes(milliseconds at_least_every = Reaper::kAtLeastEvery, const std::string& over = "")
      : Machine(over) {
    const auto clock = [this] {
      ++looks;
      return now;
    };
    reaper = std::make_unique<Reaper>(*catalog, containers, images, loop->Get(), clock, at_least_every);
    look = [this] { reaper->ReapDue(); };
  }

  int64_t Image(const std::string& name, int64_t expires_at) {
    const int64_t id = CompletedImage(name, std::string(32, name.front()));
    REQUIRE(catalog->images.Update(id, {.name = {}, .tags = {}, .teams = {}, .expires_at = expires_at}));
    return id;
  }
  /// One that runs as far as the daemon can know before it has looked for the keeper.
  int64_t Container(int64_t image, int64_t expires_at) {
    const int64_t id = CreatingContainer(image, expires_at);
    REQUIRE(catalog->containers.SetState(id, ContainerState::kRunning));
    REQUIRE(containers.Adopt({*catalog->containers.ById(id)}));
    return id;
  }

  bool HasContainer(int64_t id) { return catalog->containers.ById(id).has_value(); }
  bool HasImage(int64_t id) {
    const bool row = catalog->images.ById(id).has_value();
    // Its file goes a moment after the row.
    return row || Exists(layout.ImageIndex(id));
  }

  int64_t now = kNow;
  int looks = 0;
  std::unique_ptr<Reaper> reaper;
};

TEST_CASE("reaper: what is due goes, what is due later stays") {
  Lifetimes machine;
  const int64_t forever = machine.Image("forever", 0);
  const int64_t due = machine.Image("due", kNow);
  const int64_t later = machine.Image("later", kNow + kHour);
  const int64_t due_container = machine.Container(forever, kNow - 1);
  const int64_t later_container = machine.Container(forever, kNow + kHour);
  const int64_t forever_container = machine.Container(forever, 0);
  machine.reaper->ReapDue();
  CHECK(machine.RunUntil([&] { return !machine.HasContainer(due_container) && !machine.HasImage(due); }));
  CHECK_FALSE(Machine::Exists(machine.layout.Container(due_container)));
  CHECK(machine.HasContainer(later_container));
  CHECK(machine.HasContainer(forever_container));
  CHECK(machine.HasImage(later));
  CHECK(machine.HasImage(forever));
}

TEST_CASE("reaper: the timer is set for the next expiry, in whatever order they were made") {
  Lifetimes machine;
  const int64_t image = machine.Image("a", 0);
  const int64_t second = machine.Container(image, kNow + kHour);
  machine.reaper->ReapDue();
  const int64_t first = machine.Container(image, kNow + 1);
  machine.reaper->ReapDue();
  const auto start = std::chrono::steady_clock::now();
  machine.now += 1;
  CHECK(machine.RunUntil([&] { return !machine.HasContainer(first); }));
  CHECK(std::chrono::steady_clock::now() - start > milliseconds(900));
  CHECK(machine.HasContainer(second));
}

TEST_CASE("reaper: a clock that jumps ahead is noticed without a call") {
  Lifetimes machine(milliseconds(50));
  const int64_t image = machine.Image("a", kNow + kHour);
  const int64_t container = machine.Container(image, kNow + kHour);
  machine.reaper->ReapDue();
  machine.RunFor(milliseconds(200));
  REQUIRE(machine.HasContainer(container));
  machine.now += 2 * kHour;
  CHECK(machine.RunUntil([&] { return !machine.HasContainer(container) && !machine.HasImage(image); }));
}

TEST_CASE("reaper: a clock that is set back deletes nothing early and loses nothing") {
  Lifetimes machine(milliseconds(50));
  const int64_t image = machine.Image("a", kNow + 1);
  const int64_t container = machine.Container(machine.Image("b", 0), kNow + 1);
  machine.reaper->ReapDue();
  machine.now -= 2 * kHour;
  machine.RunFor(milliseconds(1200));  // the timer fires that was set for the expiry
  CHECK(machine.HasContainer(container));
  CHECK(machine.HasImage(image));
  machine.now = kNow;
  machine.RunFor(milliseconds(200));
  CHECK(machine.HasContainer(container));
  machine.now = kNow + 1;
  CHECK(machine.RunUntil([&] { return !machine.HasContainer(container) && !machine.HasImage(image); }));
}

TEST_CASE("reaper: what fell due while no daemon ran goes at its next start") {
  Lifetimes before;
  const int64_t image = before.Image("a", kNow + kHour);
  const int64_t due = before.Container(image, kNow + kHour);
  const int64_t other = before.Container(before.Image("b", kNow + kHour), 0);
  before.reaper->ReapDue();
  before.containers.StopAll();
  Lifetimes after(Reaper::kAtLeastEvery, before.scratch.Path());
  after.now += 2 * kHour;
  REQUIRE(after.Reconcile());
  after.reaper->ReapDue();
  CHECK(after.RunUntil([&] { return !after.HasContainer(due) && !after.HasImage(image); }));
  CHECK(after.HasContainer(other));
  CHECK(after.HasImage(after.catalog->containers.ById(other)->image_id));
}

TEST_CASE("reaper: an image goes when its last container does, and nobody has to ask") {
  Lifetimes machine;
  const int64_t image = machine.Image("a", kNow);
  const int64_t first = machine.Container(image, 0);
  const int64_t last = machine.Container(image, 0);
  machine.reaper->ReapDue();
  REQUIRE(machine.containers.Delete(first));
  REQUIRE(machine.RunUntil([&] { return !machine.HasContainer(first); }));
  CHECK(machine.catalog->images.ById(image)->state == ImageState::kCompleted);
  REQUIRE(machine.containers.Delete(last));
  CHECK(machine.RunUntil([&] { return !machine.HasImage(image); }));
}

TEST_CASE("reaper: a container that never came to be was the image's last one too") {
  Lifetimes machine;
  const int64_t image = machine.Image("a", kNow);
  const int64_t container = machine.CreatingContainer(image);
  machine.reaper->ReapDue();
  REQUIRE(machine.HasImage(image));
  // Its caller is gone, as after a create whose client left or that failed.
  REQUIRE(machine.containers.Adopt({*machine.catalog->containers.ById(container)}));
  CHECK(machine.RunUntil([&] { return !machine.HasImage(image); }));
}

TEST_CASE("reaper: what cannot be deleted is tried again, but not at once") {
  Lifetimes machine(milliseconds(100));
  const int64_t image = machine.Image("a", kNow);
  const int64_t container = machine.Container(machine.Image("b", 0), kNow);
  auto catalog = Database::Open(machine.layout.Catalog());
  REQUIRE(catalog);
  REQUIRE((*catalog)->Execute(
      "CREATE TRIGGER full BEFORE UPDATE ON containers BEGIN SELECT RAISE(ABORT, 'no room'); END;"
      "CREATE TRIGGER full_too BEFORE UPDATE ON images BEGIN SELECT RAISE(ABORT, 'no room'); END"));
  machine.reaper->ReapDue();
  machine.RunFor(seconds(1));
  CHECK(machine.HasContainer(container));
  CHECK(machine.HasImage(image));
  CHECK(machine.looks >= 3);
  CHECK(machine.looks <= 11);
  REQUIRE((*catalog)->Execute("DROP TRIGGER full; DROP TRIGGER full_too"));
  CHECK(machine.RunUntil([&] { return !machine.HasContainer(container) && !machine.HasImage(image); }));
}

TEST_CASE("reaper: an image that was marked, but not removed, is not left for the next start") {
  Lifetimes machine(milliseconds(50));
  const int64_t image = machine.Image("a", 0);
  auto catalog = Database::Open(machine.layout.Catalog());
  REQUIRE(catalog);
  REQUIRE((*catalog)->Execute(
      "CREATE TRIGGER full BEFORE DELETE ON images BEGIN SELECT RAISE(ABORT, 'no room'); END"));
  REQUIRE(machine.images.Delete(image));
  CHECK(machine.catalog->images.ById(image)->state == ImageState::kDeleting);
  machine.reaper->ReapDue();
  REQUIRE((*catalog)->Execute("DROP TRIGGER full"));
  CHECK(machine.RunUntil([&] { return !machine.HasImage(image); }));
}

TEST_CASE("reaper: an access token is forgotten a day after it has expired") {
  Lifetimes machine;
  const auto token = [&](int64_t expires_at) {
    TokenRow row;
    row.hash = "hash";
    row.expires_at = expires_at;
    return machine.catalog->tokens.Insert(row).value();
  };
  token(kNow);
  const int64_t later = token(kNow + 1);
  const int64_t forever = token(0);
  const auto left = [&] {
    std::vector<int64_t> ids;
    machine.reaper->ReapDue();
    const std::vector<TokenRow> rows = machine.catalog->tokens.List().value();
    for (const TokenRow& row : rows) ids.push_back(row.id);
    return ids;
  };
  machine.now = kNow + kExpiredTokenSeconds - 1;
  CHECK(left().size() == 3);
  machine.now = kNow + kExpiredTokenSeconds;
  CHECK(left() == std::vector{later, forever});
  machine.now = kNow + 1 + kExpiredTokenSeconds;
  CHECK(left() == std::vector{forever});
}

TEST_CASE("reaper: once the daemon stops, nothing is deleted") {
  Lifetimes machine(milliseconds(50));
  const int64_t container = machine.Container(machine.Image("a", 0), kNow + kHour);
  machine.reaper->ReapDue();
  machine.reaper->Stop();
  machine.now += 2 * kHour;
  machine.reaper->ReapDue();
  machine.RunFor(milliseconds(200));
  CHECK(machine.catalog->containers.ById(container)->state != ContainerState::kDeleting);
}

}  // namespace
}  // namespace spawnd::daemon
