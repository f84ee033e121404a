/// Where the daemon's control group is, out of what the kernel says.
#include "daemon/host/delegation.h"

#include "tests/support/catch.h"

namespace spawnd::daemon {
namespace {

TEST_CASE("cgroup v2 is found among the mounts") {
  const std::string mounts =
      "24 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n"
      "31 23 0:27 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 "
      "rw,nsdelegate\n";
  CHECK(GroupMount(mounts).value() == "/sys/fs/cgroup");
  const auto hybrid = GroupMount("36 31 0:32 / /sys/fs/cgroup/unified rw,nosuid - cgroup2 cgroup rw\n");
  CHECK(hybrid.value() == "/sys/fs/cgroup/unified");
  const auto none = GroupMount("36 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
  REQUIRE_FALSE(none);
  CHECK(none.error().code == ErrorCode::kUnsupported);
}

TEST_CASE("the process's own group is the line without a controller") {
  CHECK(OwnGroup("12:memory:/x\n0::/system.slice/spawnd.service\n").value() ==
        "/system.slice/spawnd.service");
  CHECK(OwnGroup("0::/\n").value() == "/");
  CHECK_FALSE(OwnGroup("12:memory:/x\n"));
}

TEST_CASE("daemons with a state directory of their own have a scope of their own") {
  CHECK(ScopeName("/var/lib/spawnd") == "spawnd-containers.scope");
  CHECK(ScopeName("/srv/db-1") == R"(spawnd-containers-srv-db\x2d1.scope)");
  CHECK(ScopeName("/srv/db/1") != ScopeName("/srv/db-1"));
}

}  // namespace
}  // namespace spawnd::daemon
