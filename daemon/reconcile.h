/// What the daemon does at its start about everything the last one left: the catalog says what exists, this
/// makes the machine agree.
///
///   containers that run       are found again through their keepers, or restarted
///   containers half created   go, and with them keeper, files and row
///   deletions half done       are finished
///   images half built         go, and with them the build's keeper, files and row; one that is whole is kept
///   empty states              go when the server that made them has been upgraded, and nothing uses them
///   temporary files of seals  go
///   what no row names         is never deleted: lost+found, or left where it runs (daemon/set_aside.h)
///
/// Loop thread, before the first request is served: nothing else may create anything meanwhile.
#pragma once

#include "base/result.h"

namespace spawnd::daemon {

class BuiltIns;
class Catalog;
class Containers;
class Images;
class StoreLayout;

/// kCorrupt, before anything is touched, when the catalog is new while the store is not: a lost catalog must
/// not cost the data too. `catalog_is_new`: there was no catalog file before this start.
Result<void> CheckStoreHasCatalog(const StoreLayout& layout, bool catalog_is_new);

Result<void> Reconcile(const StoreLayout& layout, Catalog& catalog, Containers& containers, Images& images,
                       const BuiltIns& built_ins);

}  // namespace spawnd::daemon
