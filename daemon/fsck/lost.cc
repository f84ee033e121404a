#include "daemon/fsck/lost.h"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>

#include "api/json_writer.h"
#include "api/mapping.h"
#include "base/accounts.h"
#include "daemon/catalog/catalog.h"
#include "daemon/store/generation.h"
#include "daemon/store/lost_things.h"
#include "daemon/store/state_lock.h"

namespace spawnd::daemon {
/// Found by its argument, and so not in a namespace of its own.
void Describe(auto& visit, api::Is<LostThing> auto& x) {
  visit.Field("keptSince", x.date);
  visit.Field("kind", x.kind);
  visit.Field("id", x.id);
  visit.Field("name", x.name);
  visit.Field("owner", x.owner);
  visit.Field("bytes", x.bytes);
  visit.Field("hoursLeft", x.hours_left);
}

namespace {

Result<StoreLayout> LayoutFor(const std::string& state_directory) {
  if (::geteuid() != 0) return Fail(ErrorCode::kForbidden, "lost+found is root's", "Start it with sudo.");
  StoreLayout layout(state_directory);
  TRY(RequireCatalog(layout));
  return layout;
}

std::string OwnerText(const LostThing& thing) {
  if (thing.name.empty()) return "";
  return UserName(static_cast<uid_t>(thing.owner));
}

}  // namespace

Result<void> PrintLost(const std::string& state_directory, bool json) {
  TRY_ASSIGN(const StoreLayout layout, LayoutFor(state_directory));
  TRY_ASSIGN(const auto things, ListLost(layout));
  if (json) {
    std::printf("%s\n", api::JsonOf(things, api::Empties::kKeep).c_str());
    return {};
  }
  if (things.empty()) std::printf("Nothing is there.\n");
  for (const LostThing& thing : things) {
    std::printf(
        "%s\n",
        fmt::format("{}  {} {}  {}  {}  {:.1f} MiB  {} days left", thing.date, thing.kind, thing.id,
                    thing.name.empty() ? "-" : thing.name, thing.name.empty() ? "-" : OwnerText(thing),
                    static_cast<double>(thing.bytes) / (1024 * 1024), (thing.hours_left + 23) / 24)
            .c_str());
  }
  return {};
}

Result<void> TakeBackLost(const std::string& state_directory, const std::string& id) {
  int64_t number = 0;
  const auto [end, wrong] = std::from_chars(id.data(), id.data() + id.size(), number);
  if (wrong != std::errc() || end != id.data() + id.size()) {
    return Fail(ErrorCode::kInvalidArgument, "'" + id + "' is no number of a data image or data container",
                "It stands behind the kind in `spawnd lost-and-found list`.");
  }
  TRY_ASSIGN(const StoreLayout layout, LayoutFor(state_directory));
  TRY_ASSIGN(const UniqueFd lock, LockStateDirectory(layout.Root()));
  TRY_ASSIGN(const auto catalog, Catalog::Open(layout.Catalog()));
  TRY(RefuseOlderCatalog(layout, *catalog));
  TRY_ASSIGN(const ManifestSummary summary, RestoreLost(layout, *catalog, number));
  std::printf("'%s' (%s) is back, and there at the next start of spawnd\n", summary.name.c_str(), id.c_str());
  return {};
}

Result<void> ThrowAwayLost(const std::string& state_directory, const std::string& id_or_date) {
  TRY_ASSIGN(const StoreLayout layout, LayoutFor(state_directory));
  TRY_ASSIGN(const size_t count, DeleteLost(layout, id_or_date));
  std::printf("%zu removed\n", count);
  return {};
}

}  // namespace spawnd::daemon
