#include "engines/redis/product.h"

#include "engines/version.h"

namespace spawnd::engines::redis {

const Product& RedisProduct() {
  static const Product product{
      .name = "redis",
      .display_name = "Redis",
      .short_name = "redis",
      .server_programs = {"bin/redis-server"},
      .clients = {"redis-cli", "valkey-cli"},
      .version_words = "Redis server v=",
      // RDB_VERSION in rdb.h of each release.
      .rdb_formats = {{"8.0", 0}, {"7.4", 12}, {"7.2", 11}, {"7.0", 10}, {"5.0", 9}},
      .own_formats = {},
      .oldest = "6.2",
      .relatives = {"valkey"},
      .install_hint =
          "Install it with `apt install redis-server` and `systemctl disable --now redis-server`, or unpack "
          "Redis into a folder of its own (bin/redis-server) and name that under engineSearchPaths in the "
          "daemon's configuration.",
      .client_hint = "Install it: apt install redis-tools",
  };
  return product;
}

std::string_view VersionAfter(std::string_view words, std::string_view output) {
  if (!output.starts_with(words)) return {};
  output.remove_prefix(words.size());
  return output.substr(0, output.find_first_of(" \r\n"));
}

int NewestOf(const std::vector<RdbStep>& steps, std::string_view server_version) {
  for (const RdbStep& step : steps) {
    if (!VersionLess(server_version, step.from)) return step.newest;
  }
  return 0;
}

}  // namespace spawnd::engines::redis
