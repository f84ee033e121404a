#include "daemon/containers/new_row.h"

#include <ctime>

namespace spawnd::daemon {

api::Network NetworkOf(const ImageRow& image, const EngineHost& host) {
  return image.network.value_or(host.host_network ? api::Network::kHost : api::Network::kNone);
}

ContainerRow NewContainerRow(const ImageRow& image, bool superuser, const engines::Engine& engine,
                             const engines::Installation& installation, const EngineHost& host) {
  ContainerRow row;
  row.image_id = image.id;
  row.host = host.address;
  row.superuser = superuser;
  const engines::Credentials credentials =
      superuser ? engine.MakeCredentials(image.database) : engine.MakeOwnerCredentials(image.database);
  row.user = credentials.user;
  row.password = credentials.password;
  row.database = credentials.database;
  row.durability = image.durability;
  row.network = NetworkOf(image, host);
  row.created_at = std::time(nullptr);
  row.installation_root = installation.root;
  row.installation_version = installation.version;
  return row;
}

}  // namespace spawnd::daemon
