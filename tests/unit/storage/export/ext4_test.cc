#include "storage/export/ext4.h"

#include "tests/support/catch.h"

using spawnd::storage::TakesNoWrites;

TEST_CASE("ext4: what gave up is told by its mount, on old and new kernels") {
  const std::string before =
      "21 20 0:5 / / ro,relatime - tmpfs none ro,size=1024k\n"
      "30 21 7:3 / /run/spawnd/other rw - ext4 /dev/loop3 ro\n"
      "31 21 7:4 / /run/spawnd/volume rw,nosuid,nodev,noatime shared:7 - ext4 /dev/loop4 ";
  const auto says = [&](const std::string& options) {
    return TakesNoWrites(before + options + "\n32 31 7:4 /data /var/lib/x ro - ext4 /dev/loop4 rw\n",
                         "/run/spawnd/volume");
  };
  CHECK_FALSE(says("rw,discard,nobarrier,errors=remount-ro"));
  CHECK(says("ro,discard,errors=remount-ro"));
  CHECK(says("rw,discard,errors=remount-ro,emergency_ro"));
  CHECK_FALSE(TakesNoWrites("", "/run/spawnd/volume"));
  CHECK_FALSE(TakesNoWrites("garbage", "/run/spawnd/volume"));
}
