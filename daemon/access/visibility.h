/// Who may see what, and finding the image or container that a reference means. What one may not see is not
/// found: the answers for "hidden from you" and "does not exist" are the same, word for word.
#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/identity.h"
#include "base/result.h"
#include "daemon/access/team.h"
#include "daemon/catalog/catalog.h"

namespace spawnd::daemon {

/// The teams of the configuration with their names looked up. Safe from any thread. Users and groups that the
/// machine does not know are left out, with a line in the log.
class TeamMembers {
 public:
  explicit TeamMembers(const std::map<std::string, Team>& teams);
  /// Looks up these teams, which may block, and puts them in the place of those before.
  void Change(const std::map<std::string, Team>& teams);
  bool Contains(const std::string& team, const Identity& who) const;
  /// A warning for each of `teams` that the configuration does not have.
  std::vector<std::string> WarningsAbout(const std::vector<std::string>& teams) const;

 private:
  struct Members {
    std::set<uid_t> users;
    std::set<gid_t> groups;
  };
  using Teams = std::map<std::string, Members>;
  std::shared_ptr<const Teams> Now() const;

  mutable std::mutex mutex_;
  std::shared_ptr<const Teams> teams_;  ///< what it points to never changes
};

/// The team that everybody is in: an image of it is public.
inline constexpr std::string_view kPublicTeam = "public";

bool IsRoot(const Identity& who);
bool IsPublic(const ImageRow& image);
/// Root, its owner, a member of one of its teams; everybody when it is public.
bool MaySee(const TeamMembers& teams, const ImageRow& image, const Identity& who);
/// Root or its owner.
bool MaySee(const ContainerRow& container, const Identity& who);
/// Seeing an image is not enough to take it away: root or its owner.
bool MayChange(const ImageRow& image, const Identity& who);

// Loop thread only. kNotFound has a hint: the nearest name there is, and where to look. `others`: names that
// are no rows, but might be meant.
Result<ImageRow> ResolveImage(Catalog& catalog, const TeamMembers& teams, const Identity& who,
                              std::string_view reference, const std::vector<std::string>& others = {});
Result<ContainerRow> ResolveContainer(Catalog& catalog, const Identity& who, std::string_view reference);

Result<std::vector<ImageRow>> VisibleImages(Catalog& catalog, const TeamMembers& teams, const Identity& who);
Result<std::vector<ContainerRow>> VisibleContainers(Catalog& catalog, const Identity& who);

}  // namespace spawnd::daemon
