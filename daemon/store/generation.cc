#include "daemon/store/generation.h"

#include <algorithm>
#include <charconv>

#include "base/file.h"
#include "daemon/catalog/event_ids.h"
#include "daemon/store/checked_text.h"
#include "daemon/store/unknown.h"

namespace spawnd::daemon {
namespace {

constexpr std::string_view kWhat = "generation";

/// 0: it does not say.
struct OfStore {
  int64_t generation = 0;
  int64_t event = 0;
};

Result<OfStore> ReadOfStore(const StoreLayout& layout) {
  const auto text = ReadCheckedText(layout.Generation(), kWhat);
  if (!text && (text.error().code == ErrorCode::kNotFound || text.error().code == ErrorCode::kCorrupt))
    return OfStore();
  if (!text) return Fail(text.error());
  OfStore said;
  const char* const end = text->data() + text->size();
  const auto [next, error] = std::from_chars(text->data(), end, said.generation);
  // One of before has no second line.
  if (error == std::errc() && next != end) std::from_chars(next + 1, end, said.event);
  return said;
}

/// `path`: the file of `catalog`.
Result<void> GoOn(const StoreLayout& layout, Catalog& catalog, const std::string& path, OfStore of_store) {
  TRY_ASSIGN(const int64_t next, catalog.NextGeneration(of_store.generation));
  TRY_ASSIGN(const int64_t event, LastEventId(path));
  return WriteCheckedText(
      layout.Generation(), kWhat,
      std::to_string(next) + "\n" + std::to_string(std::max(event, of_store.event)) + "\n");
}

/// Also of a folder that does not exist.
Result<bool> HasAnything(const std::string& folder) {
  TRY_ASSIGN(const bool there, PosixFileSystem().Exists(folder));
  if (!there) return false;
  TRY_ASSIGN(const auto names, PosixFileSystem().List(folder));
  return !names.empty();
}

}  // namespace

Result<void> RequireCatalog(const StoreLayout& layout) {
  TRY_ASSIGN(const bool there, PosixFileSystem().Exists(layout.Catalog()));
  if (there) return {};
  for (const std::string& folder : {layout.Images(), layout.Containers()}) {
    TRY_ASSIGN(const bool anything, HasAnything(folder));
    if (!anything) continue;
    return Fail(ErrorCode::kCorrupt,
                "'" + layout.Catalog() + "' is missing, but '" + folder + "' is not empty",
                "Make one of the manifests, which knows all but the access tokens: `spawnd fsck "
                "--rebuild-catalog`. Or put '" +
                    layout.CatalogCopy() +
                    "' in its place, which is older, and say `spawnd fsck --accept-older-catalog`. To begin "
                    "anew, remove '" +
                    layout.Root() + "' with all that is in it.");
  }
  return Fail(ErrorCode::kNotFound, "'" + layout.Root() + "' is no state directory: it has no catalog.db",
              "Name one with --state-dir.");
}

Result<std::optional<std::string>> CatalogIsOlder(const StoreLayout& layout, Catalog& catalog) {
  TRY_ASSIGN(const OfStore of_store, ReadOfStore(layout));
  TRY_ASSIGN(const int64_t of_catalog, catalog.Generation());
  if (of_catalog < of_store.generation) {
    return std::optional("is older than what is beside it: it is of generation " +
                         std::to_string(of_catalog) + ", and the state directory of " +
                         std::to_string(of_store.generation));
  }
  TRY_ASSIGN(const int64_t largest, LargestIdOnDisk(layout));
  TRY_ASSIGN(const int64_t last, catalog.LastId());
  if (last < largest) {
    return std::optional("is older than what is beside it: something there has the number " +
                         std::to_string(largest) + ", and it has given none after " + std::to_string(last));
  }
  return std::optional<std::string>();
}

Result<void> RefuseOlderCatalog(const StoreLayout& layout, Catalog& catalog) {
  TRY_ASSIGN(const auto older, CatalogIsOlder(layout, catalog));
  if (!older) return {};
  return Fail(ErrorCode::kCorrupt, "'" + layout.Catalog() + "' " + *older,
              "Put the right one back, or go on with this one, which deletes nothing: `spawnd fsck "
              "--accept-older-catalog`. See AN OLDER CATALOG in spawnd(8).");
}

Result<void> NextGeneration(const StoreLayout& layout, Catalog& catalog) {
  TRY_ASSIGN(const OfStore of_store, ReadOfStore(layout));
  return GoOn(layout, catalog, layout.Catalog(), of_store);
}

Result<void> AcceptOlderCatalog(const StoreLayout& layout, Catalog& catalog, const std::string& path) {
  TRY_ASSIGN(const int64_t largest, LargestIdOnDisk(layout));
  TRY(catalog.SkipIds(largest));
  TRY_ASSIGN(const OfStore of_store, ReadOfStore(layout));
  TRY_ASSIGN(const int64_t event, LastEventId(path));
  TRY(SkipEventIds(path, std::max(event, of_store.event) + kEventIdsPassedOver));
  return GoOn(layout, catalog, path, of_store);
}

}  // namespace spawnd::daemon
