/// Which programs of the host restore tools can be: what every container sees.
#include "engines/restore.h"
#include "tests/support/catch.h"

namespace spawnd::engines {
namespace {

TEST_CASE("A tool's program is below /usr, or of the installation, which lies elsewhere in a container") {
  const Installation packaged{"redis", "7.0", "/usr"};
  const Installation unpacked{"redis", "9.1", "/srv/redis 9"};
  const std::string place = "/run/spawnd/engine";
  CHECK(ProgramForTools("/usr/bin/redis-cli", packaged, place) == "/usr/bin/redis-cli");
  CHECK(ProgramForTools("/bin/tar", unpacked, place) == "/bin/tar");
  CHECK(ProgramForTools("/usr/local/bin/redis-cli", unpacked, place) == "/usr/local/bin/redis-cli");
  CHECK(ProgramForTools("/srv/redis 9/bin/redis-cli", unpacked, place) == "/run/spawnd/engine/bin/redis-cli");
  CHECK(ProgramForTools("/opt/tools/psql", unpacked, place).empty());
  CHECK(ProgramForTools("/srv/redis 91/bin/redis-cli", unpacked, place).empty());
  CHECK(ProgramForTools("/usrlocal/bin/x", packaged, place).empty());
  CHECK(ProgramForTools("/home/ann/bin/psql", {}, "").empty());
}

}  // namespace
}  // namespace spawnd::engines
