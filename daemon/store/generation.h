/// A number that a catalog and the state directory around it share and that grows: at each start, and after
/// each copy of the catalog. A catalog with a smaller one than the directory, or one that never gave a number
/// that something in there has, was put back from a copy, and does not know what came after it.
///
/// The catalog's number grows first, durably, and the file "generation" after it. A crash between the two
/// leaves the catalog ahead, which says nothing against it: nobody is locked out of a catalog that never was
/// older. A file that is missing or damaged says nothing either.
///
/// The file's second line is the last id of an event then, which a catalog that is made anew goes on after.
///
/// Loop thread or fsck, under the state directory's lock.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "daemon/catalog/catalog.h"
#include "daemon/store/layout.h"

namespace spawnd::daemon {

/// That a catalog is there. Errors: kCorrupt, with what to do, where images or containers are without one;
/// kNotFound where nothing is.
Result<void> RequireCatalog(const StoreLayout& layout);

/// "is older than what is beside it: it is of generation 3, and the state directory of 7", or nothing.
Result<std::optional<std::string>> CatalogIsOlder(const StoreLayout& layout, Catalog& catalog);
/// kCorrupt, with what to do, when the catalog is older.
Result<void> RefuseOlderCatalog(const StoreLayout& layout, Catalog& catalog);

/// Both one further, and the catalog not behind the directory. From then on no copy from before passes.
Result<void> NextGeneration(const StoreLayout& layout, Catalog& catalog);
/// From then on this is the catalog of the directory, however old, and gives no number that something has,
/// nor an event's id that may have been given. `path`: its file.
Result<void> AcceptOlderCatalog(const StoreLayout& layout, Catalog& catalog, const std::string& path);

}  // namespace spawnd::daemon
