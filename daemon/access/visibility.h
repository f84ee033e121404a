/// Who may see what, and finding the image or container that a reference means. What one may not see is not
/// found: the answers for "hidden from you" and "does not exist" are the same, word for word.
#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/identity.h"
#include "base/result.h"
#include "daemon/access/team.h"
#include "daemon/catalog/catalog.h"
#include "daemon/http/message.h"

namespace spawnd::daemon {

/// The teams and publishers of the configuration with their names looked up. Safe from any thread. Users and
/// groups that the machine does not know are left out, with a line in the log.
class TeamMembers {
 public:
  explicit TeamMembers(const std::map<std::string, Team>& teams, const Publishers& publishers = {},
                       const Team& importers = {}, bool requires_masked = false);
  /// Looks up these, which may block, and puts them in the place of those before.
  void Change(const std::map<std::string, Team>& teams, const Publishers& publishers = {},
              const Team& importers = {}, bool requires_masked = false);
  bool Knows(const std::string& team) const;
  bool Contains(const std::string& team, const Identity& who) const;
  /// Root, and whoever the configuration names: by a group, whom the group lists.
  bool IsPublisher(uid_t uid) const;
  /// Root, and whoever the configuration names.
  bool MayImport(const Identity& who) const;
  /// Whether the configuration has teams, and everybody, get masked images alone.
  bool RequiresMasked() const { return Now()->requires_masked; }

 private:
  struct Members {
    std::set<uid_t> users;
    std::set<gid_t> groups;
  };
  static Members LookUp(const Team& team, const std::string& whose);
  static bool AreMembers(const Members& members, const Identity& who);
  struct Known {
    std::map<std::string, Members> teams;
    std::set<uid_t> publishers;
    Members importers;
    bool requires_masked = false;
  };
  std::shared_ptr<const Known> Now() const;

  mutable std::mutex mutex_;
  std::shared_ptr<const Known> known_;  ///< what it points to never changes
};

/// The team that everybody is in: an image of it is public.
inline constexpr std::string_view kPublicTeam = "public";

bool IsRoot(const Identity& who);
bool IsPublic(const ImageRow& image);
/// Root, its owner, a member of one of its teams; everybody when it is public. With a token that is for some
/// images: of these only.
bool MaySee(const TeamMembers& teams, const ImageRow& image, const http::Caller& who);
/// Root or its owner. With a token that is for some images: if it is of one of these, `image`.
bool MaySee(const ContainerRow& container, const ImageRow& image, const http::Caller& who);
/// The same of what an event tells of, as that was then; `who` and the teams are as they are now.
bool MaySee(const TeamMembers& teams, const EventRow& event, const http::Caller& who);
/// Seeing an image is not enough to take it away: root or its owner.
bool MayChange(const ImageRow& image, const Identity& who);

/// What a caller types to mean an image or a container, and what the machine knows of it.
struct Reference {
  std::string text;
  /// Of "ann/shop", when there is an account of that name. It names that user's and nobody else's.
  std::optional<uid_t> owner{};

  /// "ann" of "ann/shop"; empty when there is no '/'.
  static std::string_view OwnerPart(std::string_view text);
  /// "shop" of "ann/shop".
  std::string_view NamePart() const;
};

// Loop thread only. ADR 7 has the rules: a bare name means one's own, else what one's teams share, else what
// a publisher made public; the newest completed one of the first of these that has any, and never what
// anybody else calls so. An id means whatever one may see.
//
// kNotFound has a hint: the nearest name there is, and where to look. `others`: names that are no rows, but
// might be meant.
Result<ImageRow> ResolveImage(Catalog& catalog, const TeamMembers& teams, const http::Caller& who,
                              const Reference& reference, const std::vector<std::string>& others = {});
/// A bare name means one's own; for root also the only one that others have, kInvalidArgument when there are
/// several.
Result<ContainerRow> ResolveContainer(Catalog& catalog, const http::Caller& who, const Reference& reference);

/// What one may see under a name that means none of it, because it is somebody else's: one of each owner.
Result<std::vector<ImageRow>> ImagesOfOthers(Catalog& catalog, const TeamMembers& teams,
                                             const http::Caller& who, const std::string& text);
Result<std::vector<ContainerRow>> ContainersOfOthers(Catalog& catalog, const http::Caller& who,
                                                     const std::string& text);

Result<std::vector<ImageRow>> VisibleImages(Catalog& catalog, const TeamMembers& teams,
                                            const http::Caller& who);
Result<std::vector<ContainerRow>> VisibleContainers(Catalog& catalog, const http::Caller& who);

}  // namespace spawnd::daemon
