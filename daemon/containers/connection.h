/// What a container's row says to its engine and its keeper. Pure, safe from any thread.
#pragma once

#include <string>
#include <vector>

#include "daemon/catalog/rows.h"
#include "engines/engine.h"
#include "storage/volume_values.h"

namespace spawnd::daemon {

engines::Endpoint EndpointOf(const ContainerRow& row);
/// Where clients reach it: as the administrator says (`advertised`), else the first address that it listens
/// on and that is one; the loopback one where it listens on all alone.
engines::Endpoint ReachedAt(const ContainerRow& row, const std::string& advertised);
/// All that it listens on.
std::vector<std::string> AddressesOf(const ContainerRow& row);
/// The same for people: where it listens on all, what that is on this machine.
std::vector<std::string> AddressesToShow(const ContainerRow& row);
engines::Credentials CredentialsOf(const ContainerRow& row);
storage::Durability StorageDurability(api::Durability durability);

}  // namespace spawnd::daemon
