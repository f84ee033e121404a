#include "daemon/store/unknown.h"

#include <algorithm>
#include <set>

#include "base/file.h"
#include "storage/image/image_files.h"
#include "storage/image/index_reader.h"

namespace spawnd::daemon {
namespace {

/// Larger numbers than this sequence will ever reach, in a name that somebody made by hand, say nothing about
/// it.
constexpr int64_t kLargestBelievableId = int64_t{1} << 52;

class ImageSearch {
 public:
  ImageSearch(const StoreLayout& layout, Catalog& catalog) : layout_(layout), catalog_(catalog) {}

  Result<std::vector<UnknownFiles>> Run() {
    TRY_ASSIGN(const auto rows, catalog_.images.List(Rows::kAll));
    for (const ImageRow& row : rows) known_.insert(row.id);
    TRY_ASSIGN(const auto referenced, catalog_.images.LayersReferenced());
    referenced_.insert(referenced.begin(), referenced.end());
    TRY(FindIndexes());
    TRY(FindLogs());
    TRY(FindLayers());
    return std::move(found_);
  }

 private:
  bool Unknown(int64_t id) const { return id != 0 && !known_.contains(id); }

  Result<void> FindIndexes() {
    TRY_ASSIGN(const auto names, PosixFileSystem().List(layout_.Images()));
    for (const std::string& name : names) {
      const int64_t id = IdFromName(name, storage::kIndexSuffix);
      if (!Unknown(id)) continue;
      found_.push_back({IndexWithLayers(id), "is the index of an image that the catalog does not know"});
    }
    for (const std::string& name : names) {
      const int64_t id = IdFromName(name, kManifestSuffix);
      if (!Unknown(id)) continue;
      TRY_ASSIGN(const bool with_index, PosixFileSystem().Exists(layout_.ImageIndex(id)));
      if (!with_index)
        found_.push_back({{layout_.ImageManifest(id)}, "is the manifest of an image that is not there"});
    }
    return {};
  }

  std::vector<std::string> IndexWithLayers(int64_t id) {
    std::vector<std::string> paths{layout_.ImageIndex(id)};
    const auto manifest = PosixFileSystem().Exists(layout_.ImageManifest(id));
    if (manifest && *manifest) paths.push_back(layout_.ImageManifest(id));
    const auto index = storage::IndexReader::Open(PosixFileSystem(), paths.front());
    for (size_t i = 0; index && i < (*index)->Layers().size(); ++i) {
      const std::string& layer = (*index)->Layers()[i].id;
      const auto there = PosixFileSystem().Exists(layout_.Layer(layer));
      if (there && *there && referenced_.insert(layer).second) paths.push_back(layout_.Layer(layer));
    }
    return paths;
  }

  Result<void> FindLogs() {
    TRY_ASSIGN(const auto names, PosixFileSystem().List(layout_.Logs()));
    for (const std::string& name : names) {
      const int64_t id = IdFromName(name, ".log");
      if (Unknown(id))
        found_.push_back({{layout_.ImageLog(id)}, "is the log of an image that the catalog does not know"});
    }
    return {};
  }

  Result<void> FindLayers() {
    TRY_ASSIGN(const auto names, PosixFileSystem().List(layout_.Layers()));
    for (const std::string& name : names) {
      const std::string_view id = LayerIdFromName(name, storage::kLayerSuffix);
      if (id.empty() || referenced_.contains(id)) continue;
      found_.push_back({{layout_.Layer(id)}, "is a layer that no image refers to"});
    }
    return {};
  }

  const StoreLayout& layout_;
  Catalog& catalog_;
  std::set<int64_t> known_;
  std::set<std::string, std::less<>> referenced_;
  std::vector<UnknownFiles> found_;
};

/// In one state directory, or in what lost+found has of one.
Result<int64_t> LargestIdIn(const StoreLayout& layout) {
  int64_t largest = 0;
  for (const auto& [folder, suffix] :
       {std::pair{layout.Images(), std::string(storage::kIndexSuffix)},
        std::pair{layout.Logs(), std::string(".log")}, std::pair{layout.Containers(), std::string()},
        std::pair{layout.Builds(), std::string()}, std::pair{layout.Standbys(), std::string()}}) {
    TRY_ASSIGN(const bool there, PosixFileSystem().Exists(folder));
    if (!there) continue;
    TRY_ASSIGN(const auto names, PosixFileSystem().List(folder));
    for (const std::string& name : names) {
      const int64_t id = IdFromName(name, suffix);
      if (id <= kLargestBelievableId) largest = std::max(largest, id);
    }
  }
  return largest;
}

}  // namespace

Result<std::vector<UnknownFiles>> FindUnknownImages(const StoreLayout& layout, Catalog& catalog) {
  return ImageSearch(layout, catalog).Run();
}

Result<std::vector<int64_t>> FindUnknownContainers(const StoreLayout& layout, Catalog& catalog) {
  TRY_ASSIGN(const auto rows, catalog.containers.List(Rows::kAll));
  std::set<int64_t> known;
  for (const ContainerRow& row : rows) known.insert(row.id);
  TRY_ASSIGN(const auto names, PosixFileSystem().List(layout.Containers()));
  std::vector<int64_t> unknown;
  for (const std::string& name : names) {
    const int64_t id = IdFromName(name, "");
    if (id != 0 && !known.contains(id)) unknown.push_back(id);
  }
  return unknown;
}

Result<int64_t> LargestIdOnDisk(const StoreLayout& layout) {
  TRY_ASSIGN(int64_t largest, LargestIdIn(layout));
  TRY_ASSIGN(const bool there, PosixFileSystem().Exists(layout.LostAndFound()));
  if (!there) return largest;
  TRY_ASSIGN(const auto dates, PosixFileSystem().List(layout.LostAndFound()));
  for (const std::string& date : dates) {
    const auto in_date = LargestIdIn(StoreLayout(layout.LostAndFound() + "/" + date));
    if (in_date) largest = std::max(largest, *in_date);  // else it is no folder, and none of ours
  }
  return largest;
}

}  // namespace spawnd::daemon
