/// From the catalog's rows to what callers are shown. Pure: user names and disk usage, which block, are
/// looked up by whoever calls. Safe from any thread.
#pragma once

#include <cstdint>
#include <string>

#include "api/types.h"
#include "daemon/catalog/catalog.h"
#include "daemon/store/account.h"
#include "engines/engine.h"
#include "storage/volume_values.h"

namespace spawnd::daemon {

/// "PostgreSQL".
std::string ProductOf(const ImageRow& image);
/// "11.0": the version as the image asked for it, else the major version that made it.
std::string VersionTextOf(const ImageRow& image);

api::DataImage ViewOfImage(const ImageRow& row, std::string owner, SpaceUse space = {});
/// `image`: the row's image.
api::DataContainer ViewOfContainer(const ContainerRow& row, const ImageRow& image, std::string owner,
                                   SpaceUse space);

engines::Endpoint EndpointOf(const ContainerRow& row);
engines::Credentials CredentialsOf(const ContainerRow& row);
storage::Durability StorageDurability(api::Durability durability);

}  // namespace spawnd::daemon
