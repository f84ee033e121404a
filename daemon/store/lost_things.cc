#include "daemon/store/lost_things.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <functional>
#include <set>

#include "base/file.h"
#include "daemon/store/lost_and_found.h"
#include "daemon/store/manifest_file.h"
#include "storage/image/image_files.h"
#include "storage/image/index_reader.h"

namespace spawnd::daemon {
namespace {

/// "2026-11-27T104512Z", and ".1" behind it for one more of the same second.
bool IsDate(std::string_view name) {
  constexpr std::string_view kForm = "dddd-dd-ddTddddddZ";
  if (name.size() < kForm.size()) return false;
  for (size_t i = 0; i < kForm.size(); ++i) {
    const bool digit = name[i] >= '0' && name[i] <= '9';
    if (kForm[i] == 'd' ? !digit : name[i] != kForm[i]) return false;
  }
  const std::string_view rest = name.substr(kForm.size());
  return rest.empty() || (rest.size() > 1 && rest[0] == '.' &&
                          rest.find_first_not_of("0123456789", 1) == std::string_view::npos);
}

/// Newest first.
Result<std::vector<std::string>> Dates(const StoreLayout& layout) {
  TRY_ASSIGN(const bool there, PosixFileSystem().Exists(layout.LostAndFound()));
  if (!there) return std::vector<std::string>();
  TRY_ASSIGN(auto names, PosixFileSystem().List(layout.LostAndFound()));
  std::erase_if(names, [](const std::string& name) { return !IsDate(name); });
  std::sort(names.begin(), names.end(), std::greater<>());
  return names;
}

StoreLayout Of(const StoreLayout& layout, const std::string& date) {
  return StoreLayout(layout.LostAndFound() + "/" + date);
}

Result<std::vector<std::string>> NamesIn(const std::string& folder) {
  TRY_ASSIGN(const bool there, PosixFileSystem().Exists(folder));
  if (!there) return std::vector<std::string>();
  return PosixFileSystem().List(folder);
}

std::string HoursFile(const StoreLayout& kept) {
  return kept.Root() + "/hours";
}

/// 0 for what cannot be read: then it stays longer.
int64_t HoursOf(const StoreLayout& kept) {
  const auto file = PosixFileSystem().Open(HoursFile(kept), OpenMode::kRead);
  std::string text(20, '\0');
  const auto read = file ? (*file)->ReadAt(0, std::as_writable_bytes(std::span(text))) : Fail(file.error());
  int64_t hours = 0;
  if (read) std::from_chars(text.data(), text.data() + *read, hours);
  return std::max<int64_t>(hours, 0);
}

Result<void> WriteHours(const StoreLayout& kept, int64_t hours) {
  TRY_ASSIGN(const auto file, PosixFileSystem().Open(HoursFile(kept), OpenMode::kCreate));
  const std::string text = std::to_string(hours) + "\n";
  TRY(file->Truncate(0));
  return file->WriteAt(0, std::as_bytes(std::span(text)));
}

std::vector<std::string> LayersOf(const StoreLayout& kept, int64_t image) {
  std::vector<std::string> layers;
  const auto index = storage::IndexReader::Open(PosixFileSystem(), kept.ImageIndex(image));
  if (!index) return layers;
  for (const auto& layer : (*index)->Layers()) {
    const auto there = PosixFileSystem().Exists(kept.Layer(layer.id));
    if (there && *there) layers.push_back(layer.id);
  }
  return layers;
}

void AddName(const StoreLayout& kept, ManifestOf which, LostThing& thing) {
  const auto manifest = ReadManifest(kept, which);
  const auto summary = manifest ? SummaryOfManifest(*manifest) : Fail(manifest.error());
  if (!summary || summary->of != which) return;
  thing.name = summary->name;
  thing.owner = summary->owner;
}

/// The things of one date.
class Lister {
 public:
  Lister(const StoreLayout& layout, std::string date, std::vector<LostThing>& things)
      : kept_(Of(layout, date)), date_(std::move(date)), things_(things) {}

  Result<void> Run() {
    left_ = std::max<int64_t>(kHoursInLostAndFound - HoursOf(kept_), 0);
    TRY(AddImages());
    TRY(AddLayers());
    TRY_ASSIGN(const auto names, NamesIn(kept_.Containers()));
    for (const std::string& name : names) {
      const int64_t id = IdFromName(name, "");
      if (id == 0) continue;
      LostThing& thing = Add("data container", name, AllocatedBytes(kept_.Container(id)));
      AddName(kept_, {ManifestKind::kContainer, id}, thing);
    }
    return {};
  }

 private:
  Result<void> AddImages() {
    TRY_ASSIGN(const auto names, NamesIn(kept_.Images()));
    for (const std::string& name : names) {
      const int64_t id = IdFromName(name, storage::kIndexSuffix);
      if (id == 0) continue;
      int64_t bytes = BytesOf(kept_.ImageIndex(id));
      for (const std::string& layer : LayersOf(kept_, id)) {
        if (named_.insert(layer).second) bytes += BytesOf(kept_.Layer(layer));
      }
      AddName(kept_, {ManifestKind::kImage, id}, Add("data image", std::to_string(id), bytes));
    }
    return {};
  }

  Result<void> AddLayers() {
    TRY_ASSIGN(const auto names, NamesIn(kept_.Layers()));
    for (const std::string& name : names) {
      const std::string id(LayerIdFromName(name, storage::kLayerSuffix));
      if (!id.empty() && !named_.contains(id)) Add("layer", id, BytesOf(kept_.Layer(id)));
    }
    return {};
  }

  static int64_t BytesOf(const std::string& file) {
    const auto opened = PosixFileSystem().Open(file, OpenMode::kRead);
    const auto size = opened ? (*opened)->Size() : Fail(opened.error());
    return size ? static_cast<int64_t>(*size) : 0;
  }

  LostThing& Add(const char* kind, const std::string& id, int64_t bytes) {
    LostThing thing;
    thing.date = date_;
    thing.kind = kind;
    thing.id = id;
    thing.bytes = bytes;
    thing.hours_left = left_;
    return things_.emplace_back(std::move(thing));
  }

  const StoreLayout kept_;
  const std::string date_;
  std::vector<LostThing>& things_;
  std::set<std::string, std::less<>> named_;  ///< layers of the images
  int64_t left_ = 0;
};

Result<std::vector<LostThing>> ThingsOf(const StoreLayout& layout, const std::string& date) {
  std::vector<LostThing> things;
  TRY(Lister(layout, date, things).Run());
  return things;
}

Result<void> RemoveThing(const StoreLayout& kept, const LostThing& thing) {
  if (thing.kind == "data container") return RemoveTree(kept.Container(std::stoll(thing.id)));
  if (thing.kind == "layer") return RemoveFile(kept.Layer(thing.id));
  const int64_t id = std::stoll(thing.id);
  std::set<std::string> layers;
  for (const std::string& layer : LayersOf(kept, id)) layers.insert(layer);
  TRY_ASSIGN(const auto names, NamesIn(kept.Images()));
  for (const std::string& name : names) {
    const int64_t other = IdFromName(name, storage::kIndexSuffix);
    if (other == 0 || other == id) continue;
    for (const std::string& layer : LayersOf(kept, other)) layers.erase(layer);
  }
  for (const std::string& path : {kept.ImageIndex(id), kept.ImageManifest(id), kept.ImageLog(id)}) {
    TRY_ASSIGN(const bool there, PosixFileSystem().Exists(path));
    if (there) TRY(RemoveFile(path));
  }
  for (const std::string& layer : layers) TRY(RemoveFile(kept.Layer(layer)));
  return {};
}

Error NoSuch(const std::string& what) {
  return {ErrorCode::kNotFound, "lost+found has no '" + what + "'",
          "`spawnd lost-and-found list` shows what it has."};
}

/// Whose id, or whose name or port, the catalog has.
Error InTheWay(Catalog& catalog, const ManifestSummary& summary) {
  const bool is_image = summary.of.kind == ManifestKind::kImage;
  const std::string text = "'" + summary.name + "' (" + std::to_string(summary.of.id) + ")";
  const bool known = is_image ? catalog.images.ById(summary.of.id).has_value()
                              : catalog.containers.ById(summary.of.id).has_value();
  if (known) {
    return {ErrorCode::kAlreadyExists, text + " is in the catalog already",
            "Its files come back at the next start."};
  }
  return {
      ErrorCode::kAlreadyExists,
      text + " cannot be taken back: another has its " + (is_image ? "name" : "name or its port") + " by now",
      "Rename or delete that one first."};
}

}  // namespace

Result<std::vector<std::string>> PlacesOf(const StoreLayout& layout, Catalog& catalog, ManifestOf which) {
  if (which.kind == ManifestKind::kContainer) return std::vector<std::string>{layout.Container(which.id)};
  std::vector<std::string> places;
  TRY_ASSIGN(const auto layers, catalog.images.LayersOf(which.id));
  for (const std::string& layer : layers) places.push_back(layout.Layer(layer));
  for (const std::string& path :
       {layout.ImageLog(which.id), layout.ImageManifest(which.id), layout.ImageIndex(which.id)})
    places.push_back(path);
  return places;
}

Result<std::vector<LostThing>> ListLost(const StoreLayout& layout) {
  std::vector<LostThing> things;
  TRY_ASSIGN(const auto dates, Dates(layout));
  for (const std::string& date : dates) TRY(Lister(layout, date, things).Run());
  return things;
}

Result<std::vector<std::string>> CountHourOfLost(const StoreLayout& layout) {
  std::vector<std::string> removed;
  TRY_ASSIGN(const auto dates, Dates(layout));
  for (const std::string& date : dates) {
    const StoreLayout kept = Of(layout, date);
    const int64_t hours = HoursOf(kept) + 1;
    if (hours < kHoursInLostAndFound) {
      TRY(WriteHours(kept, hours));
      continue;
    }
    TRY(RemoveTree(kept.Root()));
    removed.push_back(kept.Root());
  }
  return removed;
}

Result<ManifestSummary> RestoreLost(const StoreLayout& layout, Catalog& catalog, int64_t id) {
  TRY_ASSIGN(const auto things, ListLost(layout));
  const auto thing = std::find_if(things.begin(), things.end(),
                                  [&](const LostThing& other) { return other.id == std::to_string(id); });
  if (thing == things.end()) return Fail(NoSuch(std::to_string(id)));
  const ManifestKind kind = thing->kind == "data image" ? ManifestKind::kImage : ManifestKind::kContainer;
  const auto manifest = ReadManifest(Of(layout, thing->date), {kind, id});
  if (!manifest) {
    Error error = manifest.error().Wrap(thing->kind + " " + thing->id + " cannot be taken back");
    error.hint = "It comes back by itself with a catalog that knows it.";
    return Fail(error);
  }
  TRY_ASSIGN(const ManifestSummary summary, SummaryOfManifest(*manifest));
  const auto because = catalog.events.Because({.word = "recovered"});
  const auto inserted = catalog.manifests.Insert(*manifest);
  if (!inserted && inserted.error().code == ErrorCode::kAlreadyExists)
    return Fail(InTheWay(catalog, summary));
  TRY(inserted);
  LostAndFound lost(layout, std::time(nullptr));
  TRY_ASSIGN(const auto places, PlacesOf(layout, catalog, summary.of));
  for (const std::string& path : places) TRY(lost.TakeBack(path));
  return summary;
}

Result<size_t> DeleteLost(const StoreLayout& layout, const std::string& id_or_date) {
  size_t count = 0;
  TRY_ASSIGN(const auto dates, Dates(layout));
  for (const std::string& date : dates) {
    const StoreLayout kept = Of(layout, date);
    TRY_ASSIGN(const auto things, ThingsOf(layout, date));
    size_t left = things.size();
    for (const LostThing& thing : things) {
      if (date != id_or_date && thing.id != id_or_date) continue;
      if (date != id_or_date) TRY(RemoveThing(kept, thing));
      ++count;
      --left;
    }
    if (date == id_or_date || (left == 0 && !things.empty())) {
      TRY(RemoveTree(kept.Root()));
      if (date == id_or_date) return std::max<size_t>(count, 1);
    }
  }
  if (count == 0) return Fail(NoSuch(id_or_date));
  return count;
}

}  // namespace spawnd::daemon
