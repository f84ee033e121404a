#include "daemon/access/visibility.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "api/image_reference.h"
#include "base/accounts.h"
#include "base/nearest.h"
#include "daemon/access/scope.h"

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

/// What was found, or nothing and a line in the log: a member who is left out should not have to guess why.
template <typename Found>
std::optional<Found> Looked(const Result<std::optional<Found>>& found, const std::string& whose,
                            const std::string& what) {
  if (!found) {
    spdlog::error("{} is without its {}: {}", whose, what, found.error().message);
    return std::nullopt;
  }
  if (!*found) spdlog::warn("{} is without its {}: there is none on this machine", whose, what);
  return *found;
}

Result<std::optional<uid_t>> NumberOf(const std::string& user) {
  TRY_ASSIGN(const auto found, UserNamed(user));
  return found ? std::optional(found->uid) : std::nullopt;
}

/// By their numbers, because an image knows no more of its owner.
void AddPublishers(const Team& team, std::set<uid_t>& publishers) {
  std::vector<std::string> users = team.users;
  for (const std::string& group : team.groups) {
    const auto members = Looked(MembersOf(group), "'publishers'", "group '" + group + "'");
    if (members) users.insert(users.end(), members->begin(), members->end());
  }
  for (const std::string& user : users) {
    if (const auto uid = Looked(NumberOf(user), "'publishers'", "user '" + user + "'"))
      publishers.insert(*uid);
  }
}

/// Its image is asked for only when that matters: the list of containers is.
bool MaySee(Catalog& catalog, const ContainerRow& container, const http::Caller& who) {
  if (who.rights.images.empty()) return MaySee(container, ImageRow{}, who);
  const auto image = catalog.images.ById(container.image_id);
  return image && MaySee(container, *image, who);
}

/// Why somebody may mean an image by its bare name.
enum class Nearness { kOwn, kTeam, kPublished, kOthers };

bool IsSharedWith(const TeamMembers& teams, const ImageRow& image, const Identity& who) {
  return std::any_of(image.teams.begin(), image.teams.end(),
                     [&](const std::string& team) { return teams.Contains(team, who); });
}

Nearness NearnessOf(const TeamMembers& teams, const ImageRow& image, const Identity& who) {
  if (image.owner == who.uid) return Nearness::kOwn;
  if (IsSharedWith(teams, image, who)) return Nearness::kTeam;
  return IsPublic(image) && teams.IsPublisher(image.owner) ? Nearness::kPublished : Nearness::kOthers;
}

bool NoSuchThing(const Error& error) {
  return error.code == ErrorCode::kNotFound;
}

/// One row of each owner but `who`: `find(owners)` finds one of an owner who is not among these.
template <typename Row>
Result<std::vector<Row>> OneOfEachOther(const Identity& who,
                                        const std::function<Result<Row>(const std::set<uid_t>&)>& find) {
  std::vector<Row> rows;
  std::set<uid_t> owners{who.uid};
  while (true) {
    auto row = find(owners);
    if (!row && NoSuchThing(row.error())) return rows;
    if (!row) return Fail(row.error());
    owners.insert(row->owner);
    rows.push_back(std::move(*row));
  }
}

}  // namespace

TeamMembers::TeamMembers(const std::map<std::string, Team>& teams, const Publishers& publishers,
                         const Team& importers, bool requires_masked) {
  Change(teams, publishers, importers, requires_masked);
}

TeamMembers::Members TeamMembers::LookUp(const Team& team, const std::string& whose) {
  Members members;
  for (const std::string& user : team.users) {
    if (const auto uid = Looked(NumberOf(user), whose, "user '" + user + "'")) members.users.insert(*uid);
  }
  for (const std::string& group : team.groups) {
    if (const auto gid = Looked(GroupNamed(group), whose, "group '" + group + "'"))
      members.groups.insert(*gid);
  }
  return members;
}

bool TeamMembers::AreMembers(const Members& members, const Identity& who) {
  return members.users.contains(who.uid) || members.groups.contains(who.gid) ||
         std::any_of(who.groups.begin(), who.groups.end(),
                     [&members](gid_t gid) { return members.groups.contains(gid); });
}

void TeamMembers::Change(const std::map<std::string, Team>& teams, const Publishers& publishers,
                         const Team& importers, bool requires_masked) {
  auto changed = std::make_shared<Known>();
  changed->requires_masked = requires_masked;
  for (const auto& [name, team] : teams) changed->teams[name] = LookUp(team, "team '" + name + "'");
  changed->importers = LookUp(importers, "'imports'");
  AddPublishers(publishers.named, changed->publishers);
  for (const std::string& team : publishers.teams) {
    if (const auto found = teams.find(team); found != teams.end())
      AddPublishers(found->second, changed->publishers);
  }
  const std::lock_guard lock(mutex_);
  known_ = std::move(changed);
}

std::shared_ptr<const TeamMembers::Known> TeamMembers::Now() const {
  const std::lock_guard lock(mutex_);
  return known_;
}

bool TeamMembers::Knows(const std::string& team) const {
  return Now()->teams.contains(team);
}

bool TeamMembers::Contains(const std::string& team, const Identity& who) const {
  const auto known = Now();
  const auto found = known->teams.find(team);
  if (found == known->teams.end()) return false;
  return AreMembers(found->second, who);
}

bool TeamMembers::MayImport(const Identity& who) const {
  return who.uid == 0 || AreMembers(Now()->importers, who);
}

bool TeamMembers::IsPublisher(uid_t uid) const {
  return uid == 0 || Now()->publishers.contains(uid);
}

bool IsRoot(const Identity& who) {
  return who.uid == 0;
}

bool IsPublic(const ImageRow& image) {
  return image.Hidden() ||
         std::find(image.teams.begin(), image.teams.end(), kPublicTeam) != image.teams.end();
}

bool MaySee(const TeamMembers& teams, const ImageRow& image, const http::Caller& who) {
  return (MayChange(image, who) || IsPublic(image) || IsSharedWith(teams, image, who)) &&
         Covers(who.rights, image);
}

bool MaySee(const ContainerRow& container, const ImageRow& image, const http::Caller& who) {
  return (IsRoot(who) || container.owner == who.uid) && Covers(who.rights, container, image);
}

bool MaySee(const TeamMembers& teams, const EventRow& event, const http::Caller& who) {
  ImageRow image;
  image.id = event.image_id;
  image.name = event.image_name;
  image.owner = event.image_owner;
  image.tags = event.tags;
  image.teams = event.teams;
  const size_t colon = event.built_in.find(':');
  if (!event.built_in.empty()) {
    image.cache_key = event.built_in;
    image.engine = event.built_in.substr(0, colon);
    image.engine_version = event.built_in.substr(colon + 1);
  }
  if (event.resource == "image") return MaySee(teams, image, who);
  if (event.resource == "source") {
    return (IsRoot(who) || event.owner == who.uid) && who.rights.images.empty();
  }
  ContainerRow container;
  container.owner = event.owner;
  container.image_reference = event.image;
  return MaySee(container, image, who);
}

bool MayChange(const ImageRow& image, const Identity& who) {
  return IsRoot(who) || image.owner == who.uid;
}

Result<std::vector<ImageRow>> VisibleImages(Catalog& catalog, const TeamMembers& teams,
                                            const http::Caller& who) {
  TRY_ASSIGN(std::vector<ImageRow> rows, catalog.images.List());
  std::erase_if(rows, [&](const ImageRow& row) { return !MaySee(teams, row, who); });
  return rows;
}

Result<std::vector<ContainerRow>> VisibleContainers(Catalog& catalog, const http::Caller& who) {
  TRY_ASSIGN(std::vector<ContainerRow> rows, catalog.containers.List());
  std::erase_if(rows, [&](const ContainerRow& row) { return !MaySee(catalog, row, who); });
  return rows;
}

std::string_view Reference::OwnerPart(std::string_view text) {
  const size_t slash = text.find('/');
  return slash == std::string_view::npos ? std::string_view() : text.substr(0, slash);
}

std::string_view Reference::NamePart() const {
  return std::string_view(text).substr(text.find('/') + 1);
}

Result<ImageRow> ResolveImage(Catalog& catalog, const TeamMembers& teams, const http::Caller& who,
                              const Reference& reference, const std::vector<std::string>& others) {
  const auto find = [&](std::string_view text, const std::function<bool(const ImageRow&)>& is_meant) {
    return catalog.images.Find(text,
                               [&](const ImageRow& row) { return MaySee(teams, row, who) && is_meant(row); });
  };
  const auto find_near = [&](Nearness wanted) {
    return find(reference.text,
                [&, wanted](const ImageRow& row) { return NearnessOf(teams, row, who) == wanted; });
  };
  const bool is_id = api::IdOf(reference.text) != 0;
  auto found = is_id ? find(reference.text, [](const ImageRow&) { return true; }) : find_near(Nearness::kOwn);
  if (!found && NoSuchThing(found.error()) && reference.owner) {
    found = find(reference.NamePart(), [&](const ImageRow& row) { return row.owner == *reference.owner; });
  } else if (!is_id) {
    for (const Nearness nearness : {Nearness::kTeam, Nearness::kPublished}) {
      if (!found && NoSuchThing(found.error())) found = find_near(nearness);
    }
  }
  if (found || !NoSuchThing(found.error())) return found;
  TRY_ASSIGN(auto visible, VisibleImages(catalog, teams, who));
  std::erase_if(visible,
                [&](const ImageRow& row) { return NearnessOf(teams, row, who) == Nearness::kOthers; });
  return Fail(ErrorCode::kNotFound, "no data image '" + reference.text + "'",
              HintFor(reference.text, visible, others, "data-images"));
}

Result<std::vector<ImageRow>> ImagesOfOthers(Catalog& catalog, const TeamMembers& teams,
                                             const http::Caller& who, const std::string& text) {
  return OneOfEachOther<ImageRow>(who, [&](const std::set<uid_t>& owners) {
    return catalog.images.Find(
        text, [&](const ImageRow& row) { return MaySee(teams, row, who) && !owners.contains(row.owner); });
  });
}

Result<std::vector<ContainerRow>> ContainersOfOthers(Catalog& catalog, const http::Caller& who,
                                                     const std::string& text) {
  return OneOfEachOther<ContainerRow>(who, [&](const std::set<uid_t>& owners) {
    return catalog.containers.Find(text, [&](const ContainerRow& row) {
      return MaySee(catalog, row, who) && !owners.contains(row.owner);
    });
  });
}

Result<ContainerRow> ResolveContainer(Catalog& catalog, const http::Caller& who, const Reference& reference) {
  const auto find = [&](std::string_view text, const std::function<bool(const ContainerRow&)>& is_meant) {
    return catalog.containers.Find(
        text, [&](const ContainerRow& row) { return MaySee(catalog, row, who) && is_meant(row); });
  };
  const bool is_id = api::IdOf(reference.text) != 0;
  auto found = find(reference.text, [&](const ContainerRow& row) { return is_id || row.owner == who.uid; });
  if (!found && NoSuchThing(found.error()) && reference.owner) {
    found =
        find(reference.NamePart(), [&](const ContainerRow& row) { return row.owner == *reference.owner; });
  } else if (!found && NoSuchThing(found.error())) {
    TRY_ASSIGN(const auto others, ContainersOfOthers(catalog, who, reference.text));
    if (others.size() > 1) {
      return Fail(ErrorCode::kInvalidArgument, "'" + reference.text + "' is the name of " +
                                                   std::to_string(others.size()) + " data containers");
    }
    if (!others.empty()) return others.front();
  }
  if (found || !NoSuchThing(found.error())) return found;
  TRY_ASSIGN(const auto visible, VisibleContainers(catalog, who));
  return Fail(ErrorCode::kNotFound, "no data container '" + reference.text + "'",
              HintFor(reference.text, visible, {}, "data-containers"));
}

}  // namespace spawnd::daemon
