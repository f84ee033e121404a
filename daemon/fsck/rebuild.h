/// Makes a catalog of what lies in a state directory: the manifest beside each image's index and in each
/// container's folder (daemon/store/manifest_file.h). Access tokens, and images and containers without one,
/// are not in it.
///
/// Fsck, under the state directory's lock; containers may run. The catalog is made under another name, and is
/// under its own only whole and durable: a crash leaves none, and what is left is written over by the next
/// try.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"
#include "daemon/store/layout.h"

namespace spawnd::daemon {

struct Rebuilt {
  size_t images = 0;
  size_t containers = 0;
  std::vector<std::string> missing;  ///< a line for each thing that could not be had: what, and why
};

/// kAlreadyExists when there is a catalog, or what belongs to one.
Result<Rebuilt> MakeCatalogOfManifests(const StoreLayout& layout);

}  // namespace spawnd::daemon
