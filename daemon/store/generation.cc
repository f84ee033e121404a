#include "daemon/store/generation.h"

#include <charconv>

#include "base/file.h"
#include "daemon/store/checked_text.h"
#include "daemon/store/unknown.h"

namespace spawnd::daemon {
namespace {

constexpr std::string_view kWhat = "generation";

/// 0: it does not say.
Result<int64_t> GenerationOfStore(const StoreLayout& layout) {
  const auto text = ReadCheckedText(layout.Generation(), kWhat);
  if (!text && (text.error().code == ErrorCode::kNotFound || text.error().code == ErrorCode::kCorrupt))
    return 0;
  if (!text) return Fail(text.error());
  int64_t number = 0;
  std::from_chars(text->data(), text->data() + text->size(), number);
  return number;
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
  TRY_ASSIGN(const int64_t of_store, GenerationOfStore(layout));
  TRY_ASSIGN(const int64_t of_catalog, catalog.Generation());
  if (of_catalog < of_store) {
    return std::optional("is older than what is beside it: it is of generation " +
                         std::to_string(of_catalog) + ", and the state directory of " +
                         std::to_string(of_store));
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
  TRY_ASSIGN(const int64_t of_store, GenerationOfStore(layout));
  TRY_ASSIGN(const int64_t next, catalog.NextGeneration(of_store));
  return WriteCheckedText(layout.Generation(), kWhat, std::to_string(next) + "\n");
}

Result<void> AcceptOlderCatalog(const StoreLayout& layout, Catalog& catalog) {
  TRY_ASSIGN(const int64_t largest, LargestIdOnDisk(layout));
  TRY(catalog.SkipIds(largest));
  return NextGeneration(layout, catalog);
}

}  // namespace spawnd::daemon
