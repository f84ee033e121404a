/// All rows of one image or container as a JSON text, its manifest, and back: what a catalog that is lost is
/// made again of.
///
///   {"format":1,"schema":10,"images":[{"id":10001,...}],"image_tags":[...],"image_teams":[...],"image_layers":[...]}
///   {"format":1,"schema":10,"containers":[{...}],"container_revisions":[...]}
///
/// A table's columns are taken as they are, whatever they are: who adds one has nothing to do here. A
/// manifest of an older schema goes the way of an older catalog (daemon/catalog/migrations.h) before its rows
/// are used. It holds a container's password, as the catalog does.
///
/// Loop thread or fsck. Insert is one transaction.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "daemon/catalog/database.h"

namespace spawnd::daemon {

enum class ManifestKind : int64_t { kImage, kContainer };

struct ManifestOf {
  ManifestKind kind;
  int64_t id;
  auto operator<=>(const ManifestOf&) const = default;
};

/// What a manifest says of itself, for people.
struct ManifestSummary {
  ManifestOf of;
  std::string name;
  int64_t owner = 0;
  int64_t image_id = 0;  ///< a container's
  std::string volume{};  ///< the same (ContainerRow::volume)
};

class ManifestRows {
 public:
  explicit ManifestRows(Database& database) : database_(database) {}

  /// kNotFound when there is no such row.
  Result<std::string> Of(ManifestOf which);
  /// Puts the rows of `manifest` into the catalog. A tag that another image has by now stays with that.
  /// Errors: kCorrupt (no manifest), kUnsupported (of a newer spawnd), kAlreadyExists (its id, a name, a
  /// port), kNotFound (the image of a container is not in the catalog).
  Result<void> Insert(const std::string& manifest);
  /// From now on `changed` is called, inside of the transaction, with whatever rows of a manifest changed in.
  Result<void> WatchChanges(std::function<void(ManifestOf)> changed);

 private:
  Result<void> InsertRows(const std::string& manifest);

  Database& database_;
};

/// Errors: kCorrupt, kUnsupported.
Result<ManifestSummary> SummaryOfManifest(const std::string& manifest);

}  // namespace spawnd::daemon
