/// Where manifests (daemon/catalog/manifests.h) lie: beside an image's index, and in a container's folder.
/// Each is a checked text (daemon/store/checked_text.h) of the kind "manifest".
///
/// Any thread but for ManifestFor, which reads the catalog. A write leaves the one before or the one after.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "daemon/catalog/catalog.h"
#include "daemon/store/layout.h"

namespace spawnd::daemon {

std::string ManifestPath(const StoreLayout& layout, ManifestOf which);

/// What the file should say now; nothing for what is not settled: half made, failed or on its way out.
Result<std::optional<std::string>> ManifestFor(Catalog& catalog, ManifestOf which);

/// Errors: kNotFound, kCorrupt, kIo.
Result<std::string> ReadManifest(const StoreLayout& layout, ManifestOf which);
/// Writes it unless it says that already. Nothing when what it is of has gone meanwhile. Errors: kNoSpace,
/// kIo.
Result<void> WriteManifest(const StoreLayout& layout, ManifestOf which, const std::string& manifest);

}  // namespace spawnd::daemon
