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

const http::Caller kRoot{{0, 0, {}}, {}};
const http::Caller kOwner{{1000, 1000, {}}, {}};
const http::Caller kOther{{1001, 1001, {}}, {}};

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

TEST_CASE("resources: publishers are root, and whoever is named") {
  CHECK(TeamMembers({}).IsPublisher(0));
  CHECK_FALSE(TeamMembers({}).IsPublisher(kDaemonUser));
  CHECK(TeamMembers({}, {{{"daemon"}, {}}, {}}).IsPublisher(kDaemonUser));
  CHECK(TeamMembers({{"t", {{"daemon"}, {}}}}, {{}, {"t"}}).IsPublisher(kDaemonUser));
  CHECK_FALSE(TeamMembers({{"t", {{"daemon"}, {}}}}).IsPublisher(kDaemonUser));
  CHECK_FALSE(
      TeamMembers({}, {{{"no-such-user-here"}, {"no-such-group-here"}}, {}}).IsPublisher(kDaemonUser));
}

TEST_CASE("resources: a group of publishers is whom it lists") {
  if (::geteuid() != 0) {
    WARN("needs root to replace /etc/group");
    return;
  }
  CHECK(spawnd::testing::WithFile("/etc/group", "crowd:x:4242:daemon,no-such-user-here\n", [] {
          const TeamMembers teams({}, {{{}, {"crowd"}}, {}});
          return std::string(teams.IsPublisher(kDaemonUser) && !teams.IsPublisher(2) ? "daemon" : "wrong");
        }) == "daemon");
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

  CHECK(ResolveImage(catalog, teams, kOwner, {"private"}));
  CHECK(ResolveImage(catalog, teams, kRoot, {std::to_string(mine)}));
  CHECK(ResolveImage(catalog, teams, {{kDaemonUser, 1, {}}, {}}, {"shared"}));

  const auto hidden = ResolveImage(catalog, teams, kOther, {"private"});
  const auto absent = ResolveImage(catalog, teams, kOther, {"absent"});
  REQUIRE_FALSE(hidden);
  REQUIRE_FALSE(absent);
  CHECK(hidden.error().code == ErrorCode::kNotFound);
  CHECK(hidden.error().message == "no data image 'private'");
  CHECK(hidden.error().hint == absent.error().hint);
  CHECK_FALSE(ResolveImage(catalog, teams, kOther, {std::to_string(mine)}));
  CHECK(VisibleImages(catalog, teams, kOther)->empty());
  CHECK(VisibleImages(catalog, teams, {{kDaemonUser, 1, {}}, {}})->size() == 1);
}

/// The id that a reference means; 0: none.
int64_t Meant(Catalog& catalog, const TeamMembers& teams, const http::Caller& who,
              const Reference& reference) {
  const auto image = ResolveImage(catalog, teams, who, reference);
  if (image) return image->id;
  CHECK(image.error().code == ErrorCode::kNotFound);
  return 0;
}

TEST_CASE("resources: a bare name means one's own, then a team's, then a publisher's") {
  TemporaryCatalog store;
  Catalog& catalog = *store.catalog;
  const TeamMembers teams({{"devs", {{"daemon", "bin"}, {}}}}, {{{"sys"}, {}}, {}});
  const http::Caller member{{kDaemonUser, 1, {}}, {}};
  const http::Caller teammate{{2, 2, {}}, {}};
  const http::Caller publisher{{3, 3, {}}, {}};
  const auto means = [&](const std::string& text) { return Meant(catalog, teams, member, {text}); };

  store.Image("shop", kOther, {"public"});  // anybody's
  CHECK(means("shop") == 0);
  const int64_t roots = store.Image("shop", kRoot, {"public"});
  CHECK(means("shop") == roots);
  const int64_t published = store.Image("shop", publisher, {"public"});
  CHECK(means("shop") == published);
  const int64_t teams_own = store.Image("shop", teammate, {"devs"});
  store.Image("shop", publisher, {"public"});  // newer, and still further away
  CHECK(means("shop") == teams_own);
  const int64_t mine = store.Image("shop", member);
  store.Image("shop", teammate, {"devs"});
  CHECK(means("shop") == mine);
  // For root, too: what he may see is not what he means.
  CHECK(Meant(catalog, teams, kRoot, {"shop"}) == roots);
  // An id means what one may see.
  CHECK(means(std::to_string(roots)) == roots);
  CHECK(Meant(catalog, teams, kOther, {std::to_string(mine)}) == 0);
}

TEST_CASE("resources: an own image that is of no use is not passed over") {
  TemporaryCatalog store;
  Catalog& catalog = *store.catalog;
  const TeamMembers teams({});
  store.Image("shop", kRoot, {"public"});
  ImageRow pending;
  pending.name = "shop";
  pending.owner = kOwner.uid;
  const auto id = catalog.images.Insert(pending);
  REQUIRE(id);
  CHECK(Meant(catalog, teams, kOwner, {"shop"}) == *id);
}

TEST_CASE("resources: with an account in front a name is that user's and nobody else's") {
  TemporaryCatalog store;
  Catalog& catalog = *store.catalog;
  const TeamMembers teams({{"devs", {{"daemon"}, {}}}});
  const http::Caller member{{kDaemonUser, 1, {}}, {}};
  const int64_t theirs = store.Image("shop", kOwner, {"public"});
  const auto means = [&](std::string text, std::optional<uid_t> owner) {
    return Meant(catalog, teams, member, {std::move(text), owner});
  };
  CHECK(means("ann/shop", kOwner.uid) == theirs);
  CHECK(means("bob/shop", kOther.uid) == 0);
  CHECK(means("nobody/shop", std::nullopt) == 0);
  // Whoever calls his own so gets no one to it, neither while ann has a shop nor afterwards.
  const int64_t squatter = store.Image("ann/shop", kOther, {"devs", "public"});
  store.Image("ann/till", kOther, {"devs", "public"});
  CHECK(means("ann/shop", kOwner.uid) == theirs);
  CHECK(means("ann/till", kOwner.uid) == 0);
  CHECK(means("bob/ann/shop", kOther.uid) == squatter);
  // Where there is no such account, the whole is a name.
  CHECK(means("ann/shop", std::nullopt) == squatter);
  // One's own name is the whole one, whoever has an account of that name.
  const int64_t mine = store.Image("ann/shop", member);
  CHECK(means("ann/shop", kOwner.uid) == mine);
}

TEST_CASE("resources: what others call so is there to be named") {
  TemporaryCatalog store;
  Catalog& catalog = *store.catalog;
  const TeamMembers teams({});
  store.Image("shop", kOwner, {"public"});
  const int64_t newer = store.Image("shop", kOwner, {"public"});
  const http::Caller third{{1002, 1002, {}}, {}};
  store.Image("shop", third);
  const auto others = ImagesOfOthers(catalog, teams, kOther, "shop");
  REQUIRE(others);
  REQUIRE(others->size() == 1);
  CHECK(others->front().id == newer);
  CHECK(ImagesOfOthers(catalog, teams, kOther, "shop:v1")->empty());
  CHECK(ImagesOfOthers(catalog, teams, kRoot, "shop")->size() == 2);
}

TEST_CASE("resources: a team in which its namer was not shows an image to nobody") {
  TemporaryCatalog store;
  const TeamMembers teams({{"devs", {{"daemon"}, {}}}});
  ImageRow row;
  row.name = "squatted";
  row.owner = kOther.uid;
  row.idle_teams = {"devs"};
  const auto id = store.catalog->images.Insert(row);
  REQUIRE(id);
  const http::Caller member{{kDaemonUser, 1, {}}, {}};
  CHECK_FALSE(MaySee(teams, *store.catalog->images.ById(*id), member));
  // Named once more by somebody who may, it counts, and does not become idle again.
  REQUIRE(store.catalog->images.Update(*id, {.name = {}, .tags = {}, .teams = {"devs"}, .expires_at = {}}));
  REQUIRE(store.catalog->images.Update(
      *id, {.name = {}, .tags = {}, .teams = {}, .expires_at = {}, .idle_teams = {"devs"}}));
  CHECK(MaySee(teams, *store.catalog->images.ById(*id), member));
  CHECK(store.catalog->images.ById(*id)->idle_teams.empty());
}

TEST_CASE("resources: the hint names the nearest thing that the caller may see") {
  TemporaryCatalog store;
  const TeamMembers teams({});
  store.Image("WidgetStore", kOwner);
  const auto mistyped = ResolveImage(*store.catalog, teams, kOwner, {"WigdetStore:latest"});
  REQUIRE_FALSE(mistyped);
  CHECK(mistyped.error().hint.find("'WidgetStore'") != std::string::npos);
  CHECK(mistyped.error().hint.find("spawnctl get data-images") != std::string::npos);
  const auto of_other = ResolveImage(*store.catalog, teams, kOther, {"WigdetStore"});
  REQUIRE_FALSE(of_other);
  CHECK(of_other.error().hint.find("WidgetStore") == std::string::npos);
}

TEST_CASE("resources: containers belong to their owner and to root") {
  TemporaryCatalog store;
  const int64_t image = store.Image("demo", kOwner);
  const int64_t id = store.Container("demo-one", image, kOwner, 20001);
  Catalog& catalog = *store.catalog;
  CHECK(ResolveContainer(catalog, kOwner, {"demo-one"}));
  CHECK(ResolveContainer(catalog, kRoot, {std::to_string(id)}));
  const auto hidden = ResolveContainer(catalog, kOther, {"demo-one"});
  REQUIRE_FALSE(hidden);
  CHECK(hidden.error().message == "no data container 'demo-one'");
  const auto mistyped = ResolveContainer(catalog, kOwner, {"demo-onne"});
  REQUIRE_FALSE(mistyped);
  CHECK(mistyped.error().hint.find("'demo-one'") != std::string::npos);
  CHECK(VisibleContainers(catalog, kOther)->empty());
}

TEST_CASE("resources: two owners may have containers of one name") {
  TemporaryCatalog store;
  Catalog& catalog = *store.catalog;
  const int64_t image = store.Image("demo", kRoot, {"public"});
  const int64_t anns = store.Container("ci", image, kOwner, 20001);
  const auto means = [&](const http::Caller& who, const Reference& reference) {
    const auto found = ResolveContainer(catalog, who, reference);
    return found ? found->id : 0;
  };
  CHECK(means(kRoot, {"ci"}) == anns);  // there is one only
  const int64_t bobs = store.Container("ci", image, kOther, 20002);
  CHECK(means(kOwner, {"ci"}) == anns);
  CHECK(means(kOther, {"ci"}) == bobs);
  const auto ambiguous = ResolveContainer(catalog, kRoot, {"ci"});
  REQUIRE_FALSE(ambiguous);
  CHECK(ambiguous.error().code == ErrorCode::kInvalidArgument);
  CHECK(ContainersOfOthers(catalog, kRoot, "ci")->size() == 2);
  CHECK(ContainersOfOthers(catalog, kOwner, "ci")->empty());
  CHECK(means(kRoot, {"bob/ci", kOther.uid}) == bobs);
  CHECK(means(kOwner, {"bob/ci", kOther.uid}) == 0);
  CHECK(means(kOwner, {"ann/ci", kOwner.uid}) == anns);
  const int64_t roots = store.Container("ci", image, kRoot, 20003);
  CHECK(means(kRoot, {"ci"}) == roots);
}

TEST_CASE("resources: with a token for some images there are no others, nor containers of others") {
  TemporaryCatalog store;
  Catalog& catalog = *store.catalog;
  const TeamMembers teams({});
  const int64_t shop = store.Image("shop", kOwner);
  const int64_t till = store.Image("till", kOwner);
  const int64_t roots = store.Image("shop", kRoot, {"public"});
  const int64_t of_shop = store.Container("of-shop", shop, kOwner, 20001);
  const int64_t of_till = store.Container("of-till", till, kOwner, 20002);
  http::Caller limited = kOwner;
  limited.rights.images = {std::to_string(kOwner.uid) + "/shop"};
  CHECK(Meant(catalog, teams, limited, {"shop"}) == shop);
  CHECK(Meant(catalog, teams, limited, {"till"}) == 0);
  for (const int64_t id : {till, roots}) CHECK(Meant(catalog, teams, limited, {std::to_string(id)}) == 0);
  CHECK(VisibleImages(catalog, teams, limited)->size() == 1);
  CHECK(ResolveContainer(catalog, limited, {"of-shop"})->id == of_shop);
  CHECK_FALSE(ResolveContainer(catalog, limited, {"of-till"}));
  CHECK_FALSE(ResolveContainer(catalog, limited, {std::to_string(of_till)}));
  CHECK(VisibleContainers(catalog, limited)->size() == 1);
  // Somebody else's of that name does not stand in for it.
  limited.rights.images = {"0/shop"};
  CHECK(Meant(catalog, teams, limited, {"shop"}) == roots);
}

TEST_CASE("resources: seeing is not owning") {
  ImageRow image;
  image.owner = kOwner.uid;
  image.teams = {"devs"};
  const TeamMembers teams({{"devs", {{"daemon"}, {}}}});
  const http::Caller member{{kDaemonUser, 1, {}}, {}};
  CHECK(MaySee(teams, image, member));
  CHECK_FALSE(MayChange(image, member));
  CHECK(MayChange(image, kOwner));
  CHECK(MayChange(image, kRoot));
}

}  // namespace
}  // namespace spawnd::daemon
