/// What an access token covers that is for some images only.
#include "daemon/access/scope.h"

#include "tests/support/catch.h"

namespace spawnd::daemon {
namespace {

ImageRow Image(int64_t id, uid_t owner, const std::string& name, std::vector<std::string> tags = {}) {
  ImageRow row;
  row.id = id;
  row.owner = owner;
  row.name = name;
  row.tags = std::move(tags);
  return row;
}

ImageRow Empty(const std::string& version) {
  ImageRow row = Image(10001, 0, "hidden");
  row.engine = "some";
  row.engine_version = version;
  row.cache_key = "key";
  return row;
}

TEST_CASE("scope: a name is whatever its owner calls so, an id one image") {
  const ImageRow shop = Image(10007, 1000, "team/shop", {"latest", "v1"});
  CHECK(ScopeOf(shop, "team/shop") == "1000/team/shop");
  CHECK(ScopeOf(shop, "ann/team/shop:v1") == "1000/team/shop:v1");
  CHECK(ScopeOf(shop, "10007") == "#10007");
  for (const char* scope : {"1000/team/shop", "1000/team/shop:latest", "1000/team/shop:v1", "#10007"}) {
    INFO(scope);
    CHECK(Covers({.images = {"1/x", scope}}, shop));
    CHECK_FALSE(Covers({.images = {scope}}, Image(10008, 1001, "team/shop", {"latest", "v1"})));
  }
  CHECK(Covers({.images = {"1000/team/shop"}}, Image(10008, 1000, "team/shop")));
  CHECK_FALSE(Covers({.images = {"1000/team/shop:v1"}}, Image(10008, 1000, "team/shop", {"v2"})));
  CHECK_FALSE(Covers({.images = {"#10007"}}, Image(10008, 1000, "team/shop")));
  CHECK(Covers({}, shop));
}

TEST_CASE("scope: a container stays covered when its image's tag has moved on") {
  const ImageRow before = Image(10007, 1000, "shop");
  ContainerRow container;
  const http::Rights latest{.images = {"1000/shop:latest"}};
  for (const char* made_by : {"shop:latest", "ann/shop:latest"}) {
    container.image_reference = made_by;
    CHECK(Covers(latest, container, before));
    CHECK_FALSE(Covers(latest, container, Image(10007, 1001, "shop")));
  }
  for (const char* made_by : {"shop", "shop:v1"}) {
    container.image_reference = made_by;
    CHECK_FALSE(Covers(latest, container, before));
  }
}

TEST_CASE("scope: built-in images go by engine and version") {
  CHECK(Covers({.images = {ScopeOfBuiltIn("some", "")}}, Empty("15.20")));
  for (const char* version : {"15", "15.20"}) {
    CHECK(Covers({.images = {ScopeOfBuiltIn("some", version)}}, Empty("15.20")));
  }
  for (const char* version : {"1", "15.2", "17"}) {
    CHECK_FALSE(Covers({.images = {ScopeOfBuiltIn("some", version)}}, Empty("15.20")));
  }
  CHECK_FALSE(Covers({.images = {ScopeOfBuiltIn("other", ""), "0/hidden", "#10001"}}, Empty("15.20")));
}

}  // namespace
}  // namespace spawnd::daemon
