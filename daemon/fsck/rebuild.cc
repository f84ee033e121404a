#include "daemon/fsck/rebuild.h"

#include <memory>
#include <utility>

#include "base/file.h"
#include "daemon/catalog/catalog.h"
#include "daemon/catalog/copy.h"
#include "daemon/catalog/event_ids.h"
#include "daemon/store/generation.h"
#include "daemon/store/manifest_file.h"
#include "storage/image/image_files.h"

namespace spawnd::daemon {
namespace {

Result<void> CheckNone(const StoreLayout& layout) {
  for (const char* suffix : {"", "-wal", "-shm"}) {
    const std::string path = layout.Catalog() + suffix;
    TRY_ASSIGN(const bool there, PosixFileSystem().Exists(path));
    if (!there) continue;
    return Fail(ErrorCode::kAlreadyExists, "'" + path + "' is there",
                "A catalog is made where there is none. If that one is damaged, move it, with -wal and -shm, "
                "out of the "
                "way first.");
  }
  return {};
}

std::string LineOf(ManifestOf which, const Error& error) {
  return (which.kind == ManifestKind::kImage ? "data image " : "data container ") + std::to_string(which.id) +
         ": " + error.message;
}

/// The manifest of each thing whose file or folder is in `directory`, images before containers.
Result<void> InsertAll(const StoreLayout& layout, Catalog& catalog, ManifestKind kind, size_t& count,
                       std::vector<std::string>& missing) {
  const bool images = kind == ManifestKind::kImage;
  TRY_ASSIGN(const auto names, PosixFileSystem().List(images ? layout.Images() : layout.Containers()));
  for (const std::string& name : names) {
    const int64_t id = IdFromName(name, images ? storage::kIndexSuffix : std::string_view());
    if (id == 0) continue;
    const ManifestOf which{kind, id};
    const auto manifest = ReadManifest(layout, which);
    const auto inserted = manifest ? catalog.manifests.Insert(*manifest) : Fail(manifest.error());
    if (inserted) {
      ++count;
    } else if (inserted.error().code == ErrorCode::kNoSpace) {
      return inserted;
    } else {
      missing.push_back(LineOf(which, inserted.error()));
    }
  }
  return {};
}

/// Makes it the file that it is to be: closed, without a log beside it.
Result<void> PutInPlace(const StoreLayout& layout, const std::string& made) {
  TRY(CopyCatalog(made, layout.Catalog()));
  for (const char* suffix : {"", "-wal", "-shm"}) TRY(RemoveFile(made + suffix));
  return {};
}

}  // namespace

Result<Rebuilt> MakeCatalogOfManifests(const StoreLayout& layout) {
  TRY(CheckNone(layout));
  const std::string path = layout.Root() + "/catalog.rebuilt";
  for (const char* suffix : {"", "-wal", "-shm"}) TRY(RemoveFile(path + suffix));
  Rebuilt rebuilt;
  {
    TRY_ASSIGN(const auto catalog, Catalog::Open(path));
    TRY(InsertAll(layout, *catalog, ManifestKind::kImage, rebuilt.images, rebuilt.missing));
    TRY(InsertAll(layout, *catalog, ManifestKind::kContainer, rebuilt.containers, rebuilt.missing));
    // That it is told of now is no news.
    TRY(ForgetEvents(path));
    TRY(AcceptOlderCatalog(layout, *catalog, path));
  }
  TRY(PutInPlace(layout, path));
  return rebuilt;
}

}  // namespace spawnd::daemon
