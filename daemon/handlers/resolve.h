/// The image that a request means, for what it wants to do with it. Loop thread.
#pragma once

#include <string>

#include "base/process.h"
#include "base/result.h"
#include "daemon/access/visibility.h"
#include "daemon/handlers/services.h"

namespace spawnd::daemon {

/// One that `who` may see, of the catalog. kNotFound, with the nearest name there is, built-in ones among
/// them, as a hint; or with what there is instead of an image that scripts expect.
Result<ImageRow> Resolve(Services& services, const Identity& who, const std::string& reference);
/// The same; of a built-in image that nobody has used yet, the row that it will have, without an id.
Result<ImageRow> ResolveToShow(Services& services, const Identity& who, const std::string& reference);
/// One that `who` may update. kNotFound; kForbidden for a built-in one and for what somebody else owns.
Result<ImageRow> ResolveForUpdate(Services& services, const Identity& who, const std::string& reference);
/// The same to delete it: of a built-in one root may, and gets the hidden row; kNotFound when that was not
/// made yet.
Result<ImageRow> ResolveForDelete(Services& services, const Identity& who, const std::string& reference);

}  // namespace spawnd::daemon
