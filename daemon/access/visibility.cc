#include "daemon/access/visibility.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "base/accounts.h"
#include "base/nearest.h"

namespace spawnd::daemon {
namespace {

template <typename Row>
std::string HintFor(std::string_view reference, const std::vector<Row>& visible,
                    const std::vector<std::string>& others, std::string_view command) {
  std::vector<std::string_view> names(others.begin(), others.end());
  names.reserve(others.size() + visible.size());
  for (const Row& row : visible) names.push_back(row.name);
  const std::string_view nearest = Nearest(reference.substr(0, reference.find(':')), names);
  std::string hint;
  // The name itself is right when only its tag is not.
  if (!nearest.empty() && nearest != reference) hint = "Did you mean '" + std::string(nearest) + "'? ";
  return hint + "`spawnctl get " + std::string(command) + "` lists what there is.";
}

/// The number, or nothing and a line in the log: a member who is left out should not have to guess why.
template <typename Number>
std::optional<Number> Looked(const Result<std::optional<Number>>& found, const std::string& team,
                             const std::string& what) {
  if (!found) {
    spdlog::error("team '{}' is without its {}: {}", team, what, found.error().message);
    return std::nullopt;
  }
  if (!*found) spdlog::warn("team '{}' is without its {}: there is none on this machine", team, what);
  return *found;
}

Result<std::optional<uid_t>> NumberOf(const std::string& user) {
  TRY_ASSIGN(const auto found, UserNamed(user));
  return found ? std::optional(found->uid) : std::nullopt;
}

}  // namespace

TeamMembers::TeamMembers(const std::map<std::string, Team>& teams) {
  Change(teams);
}

void TeamMembers::Change(const std::map<std::string, Team>& teams) {
  auto changed = std::make_shared<Teams>();
  for (const auto& [name, team] : teams) {
    Members& members = (*changed)[name];
    for (const std::string& user : team.users) {
      if (const auto uid = Looked(NumberOf(user), name, "user '" + user + "'")) members.users.insert(*uid);
    }
    for (const std::string& group : team.groups) {
      if (const auto gid = Looked(GroupNamed(group), name, "group '" + group + "'"))
        members.groups.insert(*gid);
    }
  }
  const std::lock_guard lock(mutex_);
  teams_ = std::move(changed);
}

std::shared_ptr<const TeamMembers::Teams> TeamMembers::Now() const {
  const std::lock_guard lock(mutex_);
  return teams_;
}

bool TeamMembers::Contains(const std::string& team, const Identity& who) const {
  const auto teams = Now();
  const auto found = teams->find(team);
  if (found == teams->end()) return false;
  const Members& members = found->second;
  return members.users.contains(who.uid) || members.groups.contains(who.gid) ||
         std::any_of(who.groups.begin(), who.groups.end(),
                     [&members](gid_t gid) { return members.groups.contains(gid); });
}

std::vector<std::string> TeamMembers::WarningsAbout(const std::vector<std::string>& teams) const {
  const auto known = Now();
  std::vector<std::string> warnings;
  for (const std::string& team : teams) {
    if (team == kPublicTeam || known->contains(team)) continue;
    warnings.push_back("nobody is in team '" + team + "': the daemon's configuration does not have it");
  }
  return warnings;
}

bool IsRoot(const Identity& who) {
  return who.uid == 0;
}

bool IsPublic(const ImageRow& image) {
  return image.Hidden() ||
         std::find(image.teams.begin(), image.teams.end(), kPublicTeam) != image.teams.end();
}

bool MaySee(const TeamMembers& teams, const ImageRow& image, const Identity& who) {
  return MayChange(image, who) || IsPublic(image) ||
         std::any_of(image.teams.begin(), image.teams.end(),
                     [&](const std::string& team) { return teams.Contains(team, who); });
}

bool MaySee(const ContainerRow& container, const Identity& who) {
  return IsRoot(who) || container.owner == who.uid;
}

bool MayChange(const ImageRow& image, const Identity& who) {
  return IsRoot(who) || image.owner == who.uid;
}

Result<std::vector<ImageRow>> VisibleImages(Catalog& catalog, const TeamMembers& teams, const Identity& who) {
  TRY_ASSIGN(std::vector<ImageRow> rows, catalog.images.List());
  std::erase_if(rows, [&](const ImageRow& row) { return !MaySee(teams, row, who); });
  return rows;
}

Result<std::vector<ContainerRow>> VisibleContainers(Catalog& catalog, const Identity& who) {
  TRY_ASSIGN(std::vector<ContainerRow> rows, catalog.containers.List());
  std::erase_if(rows, [&](const ContainerRow& row) { return !MaySee(row, who); });
  return rows;
}

Result<ImageRow> ResolveImage(Catalog& catalog, const TeamMembers& teams, const Identity& who,
                              std::string_view reference, const std::vector<std::string>& others) {
  auto row = catalog.images.Find(reference,
                                 [&](const ImageRow& candidate) { return MaySee(teams, candidate, who); });
  if (row || row.error().code != ErrorCode::kNotFound) return row;
  TRY_ASSIGN(const auto visible, VisibleImages(catalog, teams, who));
  return Fail(ErrorCode::kNotFound, "no data image '" + std::string(reference) + "'",
              HintFor(reference, visible, others, "data-images"));
}

Result<ContainerRow> ResolveContainer(Catalog& catalog, const Identity& who, std::string_view reference) {
  auto row = catalog.containers.Find(
      reference, [&who](const ContainerRow& candidate) { return MaySee(candidate, who); });
  if (row || row.error().code != ErrorCode::kNotFound) return row;
  TRY_ASSIGN(const auto visible, VisibleContainers(catalog, who));
  return Fail(ErrorCode::kNotFound, "no data container '" + std::string(reference) + "'",
              HintFor(reference, visible, {}, "data-containers"));
}

}  // namespace spawnd::daemon
