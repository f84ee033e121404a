#include "daemon/store/manifest_file.h"

#include "base/file.h"
#include "daemon/store/checked_text.h"

namespace spawnd::daemon {
namespace {

constexpr std::string_view kWhat = "manifest";

Result<bool> Settled(Catalog& catalog, ManifestOf which) {
  if (which.kind == ManifestKind::kImage) {
    const auto image = catalog.images.ById(which.id);
    if (!image && image.error().code == ErrorCode::kNotFound) return false;
    if (!image) return Fail(image.error());
    // One that was found damaged is whole as far as its containers know.
    return image->state == ImageState::kCompleted ||
           (image->state == ImageState::kFailed && !image->index_file.empty());
  }
  const auto container = catalog.containers.ById(which.id);
  if (!container && container.error().code == ErrorCode::kNotFound) return false;
  if (!container) return Fail(container.error());
  // A pooled one is nobody's, and nobody misses it.
  return !container->pooled && container->state != ContainerState::kCreating &&
         container->state != ContainerState::kDeleting;
}

}  // namespace

std::string ManifestPath(const StoreLayout& layout, ManifestOf which) {
  return which.kind == ManifestKind::kImage ? layout.ImageManifest(which.id)
                                            : layout.ContainerManifest(which.id);
}

Result<std::optional<std::string>> ManifestFor(Catalog& catalog, ManifestOf which) {
  TRY_ASSIGN(const bool settled, Settled(catalog, which));
  if (!settled) return std::optional<std::string>();
  TRY_ASSIGN(std::string manifest, catalog.manifests.Of(which));
  return std::optional(std::move(manifest));
}

Result<std::string> ReadManifest(const StoreLayout& layout, ManifestOf which) {
  return ReadCheckedText(ManifestPath(layout, which), kWhat);
}

Result<void> WriteManifest(const StoreLayout& layout, ManifestOf which, const std::string& manifest) {
  const auto present = ReadManifest(layout, which);
  if (present && *present == manifest) return {};
  const std::string path = ManifestPath(layout, which);
  const auto written = WriteCheckedText(path, kWhat, manifest);
  if (!written && written.error().code != ErrorCode::kNotFound) return written;
  if (which.kind == ManifestKind::kContainer) return {};
  // An image goes index first: whoever sees none takes away what came too late.
  TRY_ASSIGN(const bool there, PosixFileSystem().Exists(layout.ImageIndex(which.id)));
  return there ? Result<void>() : RemoveFile(path);
}

}  // namespace spawnd::daemon
