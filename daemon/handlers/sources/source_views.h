/// The data source that a request means, and what its caller is shown of it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "api/source/types.h"
#include "base/result.h"
#include "daemon/access/visibility.h"
#include "daemon/catalog/rows.h"
#include "daemon/handlers/services.h"
#include "daemon/http/message.h"
#include "daemon/store/account.h"

namespace spawnd::daemon {

/// Its owner, and root. A token that is for some images is for no source.
bool MaySee(const SourceRow& source, const http::Caller& who);

/// Finds the data source of the path's {ref}, of the caller's own first, and goes on with it, or answers why
/// not. Loop thread; may go on later, when "ann/shop" has to be looked up.
void WithSource(Services& services, const http::Request& request, const http::Reply& reply,
                std::function<void(const SourceRow&)> go_on);

/// A source with what only the loop thread knows of its images.
struct SeenSource {
  SourceRow row;
  std::vector<ImageRow> images;
};
/// Loop thread. Errors: the catalog's.
Result<SeenSource> See(Services& services, SourceRow row);
/// May block: looks up users, and files. `account`: taken on the loop thread.
api::DataSource ViewOf(const SeenSource& seen, SpaceAccount& account);

}  // namespace spawnd::daemon
