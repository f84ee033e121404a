#include "engines/valkey/valkey_engine.h"

namespace spawnd::engines::valkey {

const redis::Product& ValkeyProduct() {
  static const redis::Product product{
      .name = "valkey",
      .display_name = "Valkey",
      .short_name = "valkey",
      .server_programs = {"bin/valkey-server"},
      .clients = {"valkey-cli", "redis-cli"},
      .version_words = "Valkey server v=",
      // Both began with 11. From 9.0 on Valkey's files begin with VALKEY and count from 80, so that no number
      // means one thing here and another in a Redis.
      .rdb_formats = {{"7.2", 11}},
      .own_formats = {{"9.2", 0}, {"9.0", 80}},
      .oldest = "7.2",
      .relatives = {"redis"},
      .install_hint =
          "Install it with `apt install valkey-server` and `systemctl disable --now valkey-server` where "
          "your "
          "Debian has it, or unpack Valkey into a folder of its own (bin/valkey-server) and name that under "
          "engineSearchPaths in the daemon's configuration.",
      .client_hint = "Install it: apt install valkey-tools, or redis-tools",
  };
  return product;
}

}  // namespace spawnd::engines::valkey
