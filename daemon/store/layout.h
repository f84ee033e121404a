/// Where everything lies under the state directory. Pure names but for Prepare; safe from any thread.
///
///   <state>/                 0711, so that a socket in it can be reached; what is in it is 0700 or 0600, but
///   for tls
///     lock                   held by the one daemon that serves this directory
///     catalog.db
///     catalog.bak, .bak.1 ..  it as it was on the days before (daemon/upkeep/catalog_copies.h)
///     catalog.pre-<N>         it as it was before schema N (daemon/catalog/migrations.h)
///     generation              tells an older catalog (daemon/store/generation.h)
///     versions               what installed servers have said of theirs (daemon/host/version_memory.h)
///     reserve                room for deleting on a full disk (reserve.h)
///     store/layers/<32 hex>.layer      shared by images
///     store/images/<image id>.index    one for each image, and beside it a .manifest
///     containers/<id>/       a container's own: delta, control.sock, engine.log, manifest
///     containers/<id>/v<number>/  another volume of it, with what its keeper needs (daemon/store/volumes.h)
///     builds/<image id>/     the same for an image that is being built
///     standbys/<source id>/v<image id>/  what follows a server for a data source: the volume over that image
///     imports/<user>-<id>/   an exported image as far as it was received (daemon/transfer/imports.h)
///     logs/<image id>.log    what the restore tools said
///     failed-logs/           the same of builds that failed, for a day (daemon/store/failed_logs.h)
///     lost+found/            what nobody refers to (daemon/store/lost_and_found.h)
///     source-logs/<id>.log   what the last runs of a data source said (daemon/sources/run_log.h)
///     runs/<id>/             a run's own folder for temporary files, its user's
///     webhooks/<name>        how far each is (daemon/events/webhooks.h)
///     tls/                   the authority of all servers' certificates
///     (daemon/host/certificate_authority.h)
///
/// Names are made from catalog ids, which are never used twice, so nothing here is ever written over.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace spawnd::daemon {

/// Of a manifest (daemon/store/manifest_file.h): "<image id>.manifest", and "manifest" in a container's
/// folder.
inline constexpr std::string_view kManifestSuffix = ".manifest";

class StoreLayout {
 public:
  explicit StoreLayout(std::string state_directory) : root_(std::move(state_directory)) {}

  /// Makes the directories that are missing. Errors: kIo, kForbidden, kNoSpace.
  Result<void> Prepare() const;

  const std::string& Root() const { return root_; }
  std::string Catalog() const { return root_ + "/catalog.db"; }
  std::string CatalogCopy() const { return root_ + "/catalog.bak"; }
  std::string Generation() const { return root_ + "/generation"; }
  std::string Versions() const { return root_ + "/versions"; }
  std::string Reserve() const { return root_ + "/reserve"; }
  std::string LostAndFound() const { return root_ + "/lost+found"; }
  std::string Webhooks() const { return root_ + "/webhooks"; }
  std::string Tls() const { return root_ + "/tls"; }
  std::string Layers() const { return root_ + "/store/layers"; }
  std::string Images() const { return root_ + "/store/images"; }
  std::string Containers() const { return root_ + "/containers"; }
  std::string Builds() const { return root_ + "/builds"; }
  std::string Standbys() const { return root_ + "/standbys"; }
  std::string Logs() const { return root_ + "/logs"; }
  std::string FailedLogs() const { return root_ + "/failed-logs"; }
  std::string Imports() const { return root_ + "/imports"; }
  std::string SourceLogs() const { return root_ + "/source-logs"; }
  std::string Runs() const { return root_ + "/runs"; }

  std::string Layer(std::string_view layer_id) const;
  std::string ImageIndex(int64_t image_id) const;
  std::string ImageManifest(int64_t image_id) const;
  std::string ContainerManifest(int64_t id) const;
  std::string ImageLog(int64_t image_id) const;
  std::string Container(int64_t id) const;
  /// The folder of a container's volume (ContainerRow::volume) and of its keeper; that of "" is the
  /// container's own.
  std::string Volume(int64_t id, std::string_view volume) const;
  /// What the volume has written (kDeltaName in daemon/keeper/files.h).
  std::string Delta(int64_t id, std::string_view volume) const;
  std::string Build(int64_t image_id) const;
  std::string Standby(int64_t source_id) const;
  /// Of its volumes that which lies on this image; 0: on none.
  std::string StandbyVolume(int64_t source_id, int64_t base_image_id) const;
  std::string SourceLog(int64_t source_id) const;
  std::string Run(int64_t source_id) const;

 private:
  std::string root_;
};

/// How folders in Builds() begin that hold what was in an archive, for one build
/// (daemon/build/unpacked_folder.h).
inline constexpr std::string_view kUnpackedPrefix = "unpacked-";

/// The id in a name of the form "<id><suffix>", 0 when it is not one that we make. Reconciliation removes
/// only files whose names pass here, so that what somebody else put into a directory stays.
int64_t IdFromName(std::string_view name, std::string_view suffix);
/// The layer id in "<32 hex><suffix>", empty when it is something else.
std::string_view LayerIdFromName(std::string_view name, std::string_view suffix);

/// Removes a directory with all that is in it, and syncs its parent. One that is missing is no error.
Result<void> RemoveTree(const std::string& path);
/// Removes a file and syncs its directory. One that is missing is no error.
Result<void> RemoveFile(const std::string& path);
/// Space that the files below a directory take on disk (allocated blocks); 0 when it is missing.
int64_t AllocatedBytes(const std::string& path);

}  // namespace spawnd::daemon
