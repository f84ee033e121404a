#include "daemon/images/build_feed.h"

#include <string>
#include <vector>

#include "tests/support/catch.h"

namespace spawnd::daemon {
namespace {

TEST_CASE("a build's feed: whoever comes later hears which stage it is, and whoever has left nothing") {
  BuildFeed feed;
  std::vector<std::string> first;
  std::vector<std::string> second;
  const auto into = [](std::vector<std::string>& heard) {
    return [&heard](const api::Progress& said) { heard.push_back(said.stage + said.message + said.note); };
  };
  const uint64_t number = feed.Follow(into(first));
  CHECK(first.empty());
  feed.Say({"restoring", 5, 10, " careful", " slow"});
  CHECK(first == std::vector<std::string>{"restoring careful slow"});
  feed.Follow(into(second));
  CHECK(second == std::vector<std::string>{"restoring"});  // a warning is said once
  feed.Leave(number);
  feed.Say({"sealing", 0, 0, ""});
  CHECK(first.size() == 1);
  CHECK(second.back() == "sealing");
  feed.Leave(number);
}

}  // namespace
}  // namespace spawnd::daemon
