/// What lost+found (daemon/store/lost_and_found.h) holds, as things and no longer as files: what an
/// administrator looks at, takes back or throws away, and how long it has been there.
///
/// Any thread or program, root. Only folders whose names are dates of ours count; whatever else somebody put
/// there is left alone. Hours are those that a daemon has counted: neither a clock that jumps nor a machine
/// that was off makes anything older. A count that a crash loses makes things younger, never older.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "daemon/catalog/catalog.h"
#include "daemon/store/layout.h"

namespace spawnd::daemon {

/// How long a daemon runs before it removes what was put there: 14 days.
inline constexpr int64_t kHoursInLostAndFound = int64_t{14} * 24;

struct LostThing {
  std::string date;  ///< of the folder
  std::string kind;  ///< "data image", "data container", "layer"
  std::string id;
  std::string name;  ///< empty: it has no manifest, and only a catalog that knows it takes it back
  int64_t owner = 0;
  int64_t bytes = 0;       ///< on disk
  int64_t hours_left = 0;  ///< that a daemon has to run before it goes
};

Result<std::vector<LostThing>> ListLost(const StoreLayout& layout);

/// One more hour for all; returns the folders that were there for all of kHoursInLostAndFound and are removed
/// now.
Result<std::vector<std::string>> CountHourOfLost(const StoreLayout& layout);

/// Where the files of an image are that is complete, its index last, or the folder of a container.
Result<std::vector<std::string>> PlacesOf(const StoreLayout& layout, Catalog& catalog, ManifestOf which);

/// Gives the newest data image or container with that id its rows in the catalog again, and then its files
/// their places; a crash in between leaves those to the next start. Errors: kNotFound (there is none, or it
/// has no manifest, or not its image), kAlreadyExists (the catalog has it, or its name or port).
Result<ManifestSummary> RestoreLost(const StoreLayout& layout, Catalog& catalog, int64_t id);

/// Removes whatever has that id, or all of a date; returns how many things went. Errors: kNotFound, kIo.
Result<size_t> DeleteLost(const StoreLayout& layout, const std::string& id_or_date);

}  // namespace spawnd::daemon
