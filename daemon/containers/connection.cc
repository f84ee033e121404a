#include "daemon/containers/connection.h"

namespace spawnd::daemon {

engines::Endpoint EndpointOf(const ContainerRow& row) {
  return {row.host, row.port};
}

engines::Credentials CredentialsOf(const ContainerRow& row) {
  return {row.user, row.password, row.database, row.superuser};
}

storage::Durability StorageDurability(api::Durability durability) {
  return durability == api::Durability::kAlways ? storage::Durability::kAlways
                                                : storage::Durability::kEverySecond;
}

}  // namespace spawnd::daemon
