#include "daemon/containers/connection.h"

namespace spawnd::daemon {

engines::Endpoint EndpointOf(const ContainerRow& row) {
  return {row.host, row.port, row.also_listen};
}

engines::Endpoint ReachedAt(const ContainerRow& row, const std::string& advertised) {
  if (!advertised.empty()) return {advertised, row.port};
  if (row.host == "0.0.0.0") return {"127.0.0.1", row.port};
  if (row.host == "::") return {"::1", row.port};
  return EndpointOf(row);
}

engines::Credentials CredentialsOf(const ContainerRow& row) {
  return {row.user, row.password, row.database, row.superuser};
}

storage::Durability StorageDurability(api::Durability durability) {
  return durability == api::Durability::kAlways ? storage::Durability::kAlways
                                                : storage::Durability::kEverySecond;
}

}  // namespace spawnd::daemon
