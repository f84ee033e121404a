/// Which events somebody wants.
#include "daemon/events/filter.h"

#include "tests/support/catch.h"

namespace spawnd::daemon {
namespace {

std::string NameOf(uid_t uid) {
  return uid == 1000 ? "ann" : "bob";
}

EventRow Container(const std::string& event, const std::string& name) {
  EventRow row;
  row.resource = "container";
  row.event = event;
  row.subject = 10002;
  row.name = name;
  row.owner = 1000;
  row.image = "shop:latest";
  row.image_name = "shop";
  row.image_id = 10001;
  row.tags = {"latest", "old"};
  return row;
}

TEST_CASE("filters: values of a key stand for each other, keys narrow each other") {
  const EventRow created = Container("created", "mine");
  EventFilter filter;
  CHECK(filter.Matches(created, NameOf));
  REQUIRE(filter.AddList("event", "deleted,created"));
  CHECK(filter.Matches(created, NameOf));
  CHECK_FALSE(filter.Matches(Container("started", "mine"), NameOf));
  REQUIRE(filter.Add("name", "mine"));
  CHECK(filter.Matches(created, NameOf));
  CHECK_FALSE(filter.Matches(Container("created", "yours"), NameOf));
  REQUIRE(filter.Add("name", "yours"));
  CHECK(filter.Matches(Container("created", "yours"), NameOf));
  REQUIRE(filter.Add("type", "image"));
  CHECK_FALSE(filter.Matches(created, NameOf));
}

TEST_CASE("filters: images by name, tag and id; owners by name and number") {
  const auto matches = [](const std::string& key, const std::string& value, const EventRow& row) {
    EventFilter filter;
    REQUIRE(filter.Add(key, value));
    return filter.Matches(row, NameOf);
  };
  const EventRow container = Container("created", "mine");
  for (const char* image : {"shop", "shop:latest", "10001"}) CHECK(matches("image", image, container));
  for (const char* image : {"shop:old", "sho", "10002", "latest"})
    CHECK_FALSE(matches("image", image, container));
  EventRow image = Container("completed", "shop");
  image.resource = "image";
  image.image.clear();
  CHECK(matches("image", "shop:old", image));
  CHECK_FALSE(matches("image", "shop:older", image));
  CHECK(matches("owner", "ann", container));
  CHECK(matches("owner", "1000", container));
  CHECK_FALSE(matches("owner", "bob", container));
  CHECK(matches("id", "10002", container));
  CHECK_FALSE(matches("id", "10001", container));
}

TEST_CASE("filters: what is none is refused with what there is") {
  EventFilter filter;
  const auto said = [&filter](const std::string& key, const std::string& value) {
    const auto added = filter.Add(key, value);
    REQUIRE_FALSE(added);
    CHECK(added.error().code == ErrorCode::kInvalidArgument);
    return added.error().message + " " + added.error().hint;
  };
  CHECK(said("colour", "blue").find("there is no filter 'colour'") == 0);
  CHECK(said("event", "craeted").find("Did you mean 'created'") != std::string::npos);
  CHECK(said("type", "volume").find("image, container") != std::string::npos);
  CHECK(said("name", "").find("has no value") != std::string::npos);
  CHECK_FALSE(filter.AddList("name", "a,,b"));
  EventFilter full;
  for (int i = 0; i < 100; ++i) REQUIRE(full.Add("name", std::to_string(i)));
  CHECK_FALSE(full.Add("name", "one more"));
}

}  // namespace
}  // namespace spawnd::daemon
