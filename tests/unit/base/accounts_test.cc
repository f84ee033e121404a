/// Users and groups of the machine, also where there are many: an entry of a directory service can be of any
/// size.
#include "base/accounts.h"

#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <thread>

#include "tests/support/catch.h"
#include "tests/support/in_child.h"
#include "tests/support/scratch_directory.h"

namespace spawnd {
namespace {

constexpr const char* kGroups = "/etc/group";
constexpr gid_t kFirstGroup = 70000;

/// "name:x:number:user0000,user0001,..."
std::string GroupOf(const std::string& name, gid_t number, int members) {
  std::string line = name + ":x:" + std::to_string(number) + ":";
  for (int i = 0; i < members; ++i) line += "user" + std::to_string(10000 + i) + ",";
  line.back() = '\n';
  return line;
}

/// As many groups that "nobody" is in.
std::string GroupsOfNobody(int count) {
  std::string text = "root:x:0:\n";
  for (int i = 0; i < count; ++i) {
    text +=
        "g" + std::to_string(i) + ":x:" + std::to_string(kFirstGroup + static_cast<gid_t>(i)) + ":nobody\n";
  }
  return text;
}

std::string Shown(const Result<std::optional<gid_t>>& group) {
  if (!group) return group.error().message;
  return *group ? std::to_string(**group) : "none";
}

bool NotRoot() {
  if (::geteuid() == 0) return false;
  WARN("needs root to replace /etc/group");
  return true;
}

TEST_CASE("users and groups that every machine has") {
  const auto root = UserNamed("root");
  REQUIRE(root);
  REQUIRE(*root);
  CHECK((*root)->uid == 0);
  CHECK((*root)->gid == 0);
  const auto by_number = UserNumbered(0);
  REQUIRE(by_number);
  REQUIRE(*by_number);
  CHECK((*by_number)->name == "root");
  CHECK(UserName(0) == "root");
  CHECK(GroupNamed("root").value() == gid_t{0});
  const auto groups = GroupsOf(**root);
  REQUIRE(groups);
  CHECK(std::count(groups->begin(), groups->end(), gid_t{0}) == 1);
}

TEST_CASE("nobody there by that name is an answer, no error") {
  CHECK(UserNamed("no-such-user-here").value() == std::nullopt);
  CHECK(UserNumbered(4'000'000'001).value() == std::nullopt);
  CHECK(GroupNamed("no-such-group-here").value() == std::nullopt);
  CHECK(UserName(4'000'000'001) == "4000000001");
}

TEST_CASE("a group is found however many members it has") {
  if (NotRoot()) return;
  for (const int members : {1, 2000, 100'000}) {
    INFO(members << " members");
    CHECK(testing::WithFile(kGroups, GroupOf("crowd", 4242, members),
                            [] { return Shown(GroupNamed("crowd")); }) == "4242");
  }
}

TEST_CASE("an entry beyond any reason is an error, not a group that is not there") {
  if (NotRoot()) return;
  const std::string said = testing::WithFile(kGroups, GroupOf("crowd", 4242, 2'000'000),
                                             [] { return Shown(GroupNamed("crowd")); });
  CHECK(said.starts_with("cannot look up group 'crowd': "));
}

TEST_CASE("a user has all of his groups") {
  if (NotRoot()) return;
  const auto count = [] {
    const auto groups = GroupsOf(UserNamed("nobody").value().value());
    return groups ? std::to_string(groups->size()) : groups.error().message;
  };
  CHECK(testing::WithFile(kGroups, GroupsOfNobody(3), count) == "4");
  CHECK(testing::WithFile(kGroups, GroupsOfNobody(1000), count) == "1001");
}

/// Lets /etc/group change between two contents as fast as it can, in the mount namespace of this process.
class FlickeringGroups {
 public:
  explicit FlickeringGroups(std::string other)
      : other_(std::move(other)), thread_([this](const std::stop_token& stop) {
          while (!stop.stop_requested()) {
            if (::mount(other_.c_str(), kGroups, nullptr, MS_BIND, nullptr) == 0) ++changes_;
            ::umount2(kGroups, MNT_DETACH);
          }
        }) {}
  int Changes() const { return changes_; }

 private:
  std::string other_;
  std::atomic<int> changes_{0};
  std::jthread thread_;  // last: it uses the others
};

// getgrouplist is asked twice when the first list was too short. Should a group have come in between, the
// second is too short as well, and what it did not fill is zero: the group root.
TEST_CASE("groups that come while they are looked up never make somebody a member of root") {
  if (NotRoot()) return;
  const ScratchDirectory scratch;
  std::ofstream(scratch / "many") << GroupsOfNobody(3000);
  const std::string said = testing::WithFile(kGroups, GroupsOfNobody(1000), [&]() -> std::string {
    const User nobody = UserNamed("nobody").value().value();
    const FlickeringGroups flickering(scratch / "many");
    int asked = 0;
    for (; asked < 400 || flickering.Changes() < 400; ++asked) {
      const auto groups = GroupsOf(nobody);
      if (!groups) return groups.error().message;
      if (std::count(groups->begin(), groups->end(), gid_t{0}) > 0) return "root";
    }
    return "never";
  });
  CHECK(said == "never");
}

}  // namespace
}  // namespace spawnd
