#include "daemon/access/visibility.h"

#include <unistd.h>

#include "tests/support/catch.h"
#include "tests/support/in_child.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::daemon {
namespace {

// Users and groups that every Linux machine has.
constexpr uid_t kDaemonUser = 1;
constexpr gid_t kMailGroup = 8;

const Identity kRoot{0, 0, {}};
const Identity kOwner{1000, 1000, {}};
const Identity kOther{1001, 1001, {}};

struct TemporaryCatalog {
  TemporaryCatalog() {
    auto opened = Catalog::Open(scratch / "catalog.db");
    REQUIRE(opened);
    catalog = std::move(*opened);
  }

  int64_t Image(const std::string& name, const Identity& owner, std::vector<std::string> teams = {}) {
    ImageRow row;
    row.name = name;
    row.owner = owner.uid;
    row.engine = "postgresql";
    row.engine_version = "15.20";
    row.teams = std::move(teams);
    const auto id = catalog->images.Insert(row);
    REQUIRE(id);
    ImageCompletion completion;
    completion.index_file = std::to_string(*id) + ".index";
    REQUIRE(catalog->images.Complete(*id, completion));
    return *id;
  }

  int64_t Container(const std::string& name, int64_t image, const Identity& owner, uint16_t port) {
    ContainerRow row;
    row.name = name;
    row.image_id = image;
    row.owner = owner.uid;
    row.host = "127.0.0.1";
    row.port = port;
    const auto id = catalog->containers.Insert(row);
    REQUIRE(id);
    return *id;
  }

  const ScratchDirectory scratch;
  std::unique_ptr<Catalog> catalog;
};

TEST_CASE("resources: teams have users and groups, unknown ones are left out") {
  const TeamMembers teams({{"org:devs", {{"daemon", "no-such-user-here"}, {"mail", "no-such-group-here"}}}});
  CHECK(teams.Contains("org:devs", {kDaemonUser, 999, {}}));
  CHECK(teams.Contains("org:devs", {1234, kMailGroup, {}}));
  CHECK(teams.Contains("org:devs", {1234, 1234, {5, kMailGroup}}));
  CHECK_FALSE(teams.Contains("org:devs", {1234, 1234, {5}}));
  CHECK_FALSE(teams.Contains("org:none", {kDaemonUser, kMailGroup, {}}));
}

TEST_CASE("resources: a team of which nobody has heard is worth a warning") {
  const TeamMembers teams({{"org:devs", {{"daemon"}, {}}}});
  CHECK(teams.WarningsAbout({"org:devs", "public"}).empty());
  const auto warnings = teams.WarningsAbout({"org:dvs", "org:devs", "other"});
  REQUIRE(warnings.size() == 2);
  CHECK(warnings[0].find("'org:dvs'") != std::string::npos);
}

TEST_CASE("resources: a team's group counts, however many members it has") {
  if (::geteuid() != 0) {
    WARN("needs root to replace /etc/group");
    return;
  }
  std::string groups = "crowd:x:4242:";
  for (int i = 0; i < 2000; ++i) groups += "member" + std::to_string(i) + ",";
  groups.back() = '\n';
  CHECK(spawnd::testing::WithFile("/etc/group", groups, [] {
          const TeamMembers teams({{"org:all", {{}, {"crowd"}}}});
          return std::string(teams.Contains("org:all", {1234, 4242, {}}) ? "member" : "stranger");
        }) == "member");
}

TEST_CASE("resources: what one may not see is not found, in the same words") {
  TemporaryCatalog store;
  const TeamMembers teams({{"devs", {{"daemon"}, {}}}});
  const int64_t mine = store.Image("private", kOwner);
  store.Image("shared", kOwner, {"devs"});
  Catalog& catalog = *store.catalog;

  CHECK(ResolveImage(catalog, teams, kOwner, "private"));
  CHECK(ResolveImage(catalog, teams, kRoot, std::to_string(mine)));
  CHECK(ResolveImage(catalog, teams, {kDaemonUser, 1, {}}, "shared"));

  const auto hidden = ResolveImage(catalog, teams, kOther, "private");
  const auto absent = ResolveImage(catalog, teams, kOther, "absent");
  REQUIRE_FALSE(hidden);
  REQUIRE_FALSE(absent);
  CHECK(hidden.error().code == ErrorCode::kNotFound);
  CHECK(hidden.error().message == "no data image 'private'");
  CHECK(hidden.error().hint == absent.error().hint);
  CHECK_FALSE(ResolveImage(catalog, teams, kOther, std::to_string(mine)));
  CHECK(VisibleImages(catalog, teams, kOther)->empty());
  CHECK(VisibleImages(catalog, teams, {kDaemonUser, 1, {}})->size() == 1);
}

TEST_CASE("resources: the hint names the nearest thing that the caller may see") {
  TemporaryCatalog store;
  const TeamMembers teams({});
  store.Image("WidgetStore", kOwner);
  const auto mistyped = ResolveImage(*store.catalog, teams, kOwner, "WigdetStore:latest");
  REQUIRE_FALSE(mistyped);
  CHECK(mistyped.error().hint.find("'WidgetStore'") != std::string::npos);
  CHECK(mistyped.error().hint.find("spawnctl get data-images") != std::string::npos);
  const auto of_other = ResolveImage(*store.catalog, teams, kOther, "WigdetStore");
  REQUIRE_FALSE(of_other);
  CHECK(of_other.error().hint.find("WidgetStore") == std::string::npos);
}

TEST_CASE("resources: containers belong to their owner and to root") {
  TemporaryCatalog store;
  const int64_t image = store.Image("demo", kOwner);
  const int64_t id = store.Container("demo-one", image, kOwner, 20001);
  Catalog& catalog = *store.catalog;
  CHECK(ResolveContainer(catalog, kOwner, "demo-one"));
  CHECK(ResolveContainer(catalog, kRoot, std::to_string(id)));
  const auto hidden = ResolveContainer(catalog, kOther, "demo-one");
  REQUIRE_FALSE(hidden);
  CHECK(hidden.error().message == "no data container 'demo-one'");
  const auto mistyped = ResolveContainer(catalog, kOwner, "demo-onne");
  REQUIRE_FALSE(mistyped);
  CHECK(mistyped.error().hint.find("'demo-one'") != std::string::npos);
  CHECK(VisibleContainers(catalog, kOther)->empty());
}

TEST_CASE("resources: seeing is not owning") {
  ImageRow image;
  image.owner = kOwner.uid;
  image.teams = {"devs"};
  const TeamMembers teams({{"devs", {{"daemon"}, {}}}});
  const Identity member{kDaemonUser, 1, {}};
  CHECK(MaySee(teams, image, member));
  CHECK_FALSE(MayChange(image, member));
  CHECK(MayChange(image, kOwner));
  CHECK(MayChange(image, kRoot));
}

}  // namespace
}  // namespace spawnd::daemon
