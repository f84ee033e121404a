/// What lies in the state directory that the catalog does not know: things that are newer than a catalog
/// which was put back. Only names that we make count, so that what somebody else put into a folder is left
/// alone.
///
/// Loop thread or fsck, while no daemon makes anything. Looks, changes nothing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "daemon/catalog/catalog.h"
#include "daemon/store/layout.h"

namespace spawnd::daemon {

struct UnknownFiles {
  std::vector<std::string>
      paths;            ///< worth something together only: an index first, then layers that only it needs
  std::string problem;  ///< "is the index of an image that the catalog does not know"
};

/// Indexes, layers and logs of images.
Result<std::vector<UnknownFiles>> FindUnknownImages(const StoreLayout& layout, Catalog& catalog);
/// Containers that have a folder.
Result<std::vector<int64_t>> FindUnknownContainers(const StoreLayout& layout, Catalog& catalog);

/// The largest id in the name of a file or folder of ours, lost+found included; 0: there is none.
Result<int64_t> LargestIdOnDisk(const StoreLayout& layout);

}  // namespace spawnd::daemon
