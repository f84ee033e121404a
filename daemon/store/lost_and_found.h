/// Where things go that the catalog does not know but that somebody could want:
/// "<state directory>/lost+found/<date>/<where it was>". A start of the daemon and `spawnd fsck --repair` put
/// them there; a start takes back what its catalog knows after all, so that a catalog that was put back finds
/// its things. How long they stay: daemon/store/lost_things.h.
///
/// Loop thread or fsck. A move is durable when the call returns; after a crash in the middle the thing is in
/// one of the two places, whole.
#pragma once

#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "daemon/store/layout.h"

namespace spawnd::daemon {

class LostAndFound {
 public:
  /// `now` gives the date in the names.
  LostAndFound(const StoreLayout& layout, std::time_t now);

  /// Moves a file or folder of the state directory there and returns where it is now.
  Result<std::string> Keep(const std::string& path);
  /// Where the newest thing that was once at `path` is; nothing when there is none, or when there is
  /// something at `path`.
  Result<std::optional<std::string>> Find(const std::string& path);
  /// Puts that back and returns where it was.
  Result<std::optional<std::string>> TakeBack(const std::string& path);

 private:
  Result<std::vector<std::string>> Dates();

  std::string root_;    ///< the state directory
  std::string folder_;  ///< lost+found
  std::string date_;
};

}  // namespace spawnd::daemon
