/// What a container's row says to its engine and its keeper. Pure, safe from any thread.
#pragma once

#include "daemon/catalog/rows.h"
#include "engines/engine.h"
#include "storage/volume_values.h"

namespace spawnd::daemon {

engines::Endpoint EndpointOf(const ContainerRow& row);
/// Where clients reach it: as the administrator says (`advertised`), else where it listens, which for all
/// addresses is the loopback one.
engines::Endpoint ReachedAt(const ContainerRow& row, const std::string& advertised);
engines::Credentials CredentialsOf(const ContainerRow& row);
storage::Durability StorageDurability(api::Durability durability);

}  // namespace spawnd::daemon
