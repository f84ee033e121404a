/// What a container's row says to its engine and its keeper. Pure, safe from any thread.
#pragma once

#include "daemon/catalog/rows.h"
#include "engines/engine.h"
#include "storage/volume_values.h"

namespace spawnd::daemon {

engines::Endpoint EndpointOf(const ContainerRow& row);
engines::Credentials CredentialsOf(const ContainerRow& row);
storage::Durability StorageDurability(api::Durability durability);

}  // namespace spawnd::daemon
