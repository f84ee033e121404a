/// Rows for tests of the catalog, and a catalog to put them into. For one thread.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "daemon/catalog/catalog.h"
#include "tests/support/catch.h"

namespace spawnd::daemon {

inline std::unique_ptr<Catalog> Open(const std::string& path) {
  auto catalog = Catalog::Open(path);
  if (!catalog) FAIL(catalog.error().message);
  return std::move(*catalog);
}

inline ImageRow NewImage(const std::string& name, std::vector<std::string> tags = {}) {
  ImageRow row;
  row.name = name;
  row.engine = "postgresql";
  row.engine_version = "15.20";
  row.version_text = "15.0";
  row.owner = 1000;
  row.durability = api::Durability::kAlways;
  row.network = api::Network::kHost;
  row.superuser = false;
  row.initial_database = "asked";
  row.created_at = 1'700'000'000;
  row.expires_at = 1'800'000'000;
  row.tags = std::move(tags);
  row.teams = {"b", "a"};
  return row;
}

inline int64_t Pending(Catalog& catalog, const std::string& name, std::vector<std::string> tags = {}) {
  const auto id = catalog.images.Insert(NewImage(name, std::move(tags)));
  REQUIRE(id);
  return *id;
}

inline void Complete(Catalog& catalog, int64_t id, std::vector<std::string> layers = {"l1"}) {
  // At once: what NewImage says of when it expires stays.
  REQUIRE(catalog.images.Complete(id, {"shop",
                                       100,
                                       50,
                                       std::to_string(id) + ".index",
                                       std::move(layers),
                                       1'700'000'000,
                                       {"pg_trgm\t1.6\t$libdir/pg_trgm"}}));
}

inline int64_t Completed(Catalog& catalog, const std::string& name, std::vector<std::string> tags = {}) {
  const int64_t id = Pending(catalog, name, std::move(tags));
  Complete(catalog, id);
  return id;
}

inline ContainerRow NewContainer(const std::string& name, int64_t image_id, uint16_t port) {
  ContainerRow row;
  row.name = name;
  row.image_id = image_id;
  row.image_reference = "shop:latest";
  row.host = "127.0.0.1";
  row.port = port;
  row.user = "spawn_admin_ab12";
  row.password = "secretsecretsecr";
  row.database = "shop";
  row.owner = 1000;
  row.created_at = 1'700'000'001;
  row.installation_root = "/usr/lib/postgresql/15";
  row.installation_version = "15.20";
  return row;
}

template <typename T>
ErrorCode CodeOf(const Result<T>& result) {
  REQUIRE_FALSE(result);
  return result.error().code;
}

}  // namespace spawnd::daemon
