#include "daemon/store/account.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace spawnd::daemon {
namespace {

constexpr int64_t kStatBlock = 512;  ///< unit of st_blocks, whatever the file system
constexpr size_t kHoldersNamed = 3;
constexpr int64_t kWorthTheWhile = int64_t{1} << 20U;

struct FileSpace {
  int64_t bytes = 0;
  bool other_names = false;  ///< a hard link elsewhere keeps the bytes
};

FileSpace SpaceOf(const std::string& path) {
  struct stat st {};
  if (::lstat(path.c_str(), &st) != 0) return {};
  return {int64_t{st.st_blocks} * kStatBlock, st.st_nlink > 1};
}

}  // namespace

Result<SpaceAccount> SpaceAccount::Take(Catalog& catalog, const StoreLayout& layout) {
  SpaceAccount account(layout);
  TRY_ASSIGN(auto uses, catalog.images.LayerUses());
  for (auto& [image, layer] : uses) {
    ++account.users_[layer];
    account.layers_[image].push_back(std::move(layer));
  }
  return account;
}

Result<SpaceAccount> SpaceAccount::Take(Catalog& catalog, const StoreLayout& layout, int64_t image_id) {
  SpaceAccount account(layout);
  TRY_ASSIGN(account.layers_[image_id], catalog.images.LayersOf(image_id));
  for (const std::string& layer : account.layers_[image_id]) account.users_[layer] = 1;
  return account;
}

int64_t SpaceAccount::LayerBytes(const std::string& layer) {
  const auto [known, fresh] = bytes_.emplace(layer, 0);
  // A sealed file never changes, so one look is enough.
  if (fresh) known->second = SpaceOf(layout_.Layer(layer)).bytes;
  return known->second;
}

SpaceUse SpaceAccount::OfImage(int64_t image_id) {
  SpaceUse use;
  const auto count = [&use](int64_t bytes, bool shared) {
    (shared ? use.shared_bytes : use.unique_bytes) += bytes;
  };
  const auto layers = layers_.find(image_id);
  if (layers == layers_.end()) return use;  // not completed yet: nothing of it is in the store
  for (const std::string& layer : layers->second) count(LayerBytes(layer), users_[layer] > 1);
  // An image that is the empty state as it is shares even its index with that (daemon/build/build.cc).
  const FileSpace index = SpaceOf(layout_.ImageIndex(image_id));
  count(index.bytes, index.other_names);
  return use;
}

SpaceUse SpaceAccount::OfContainer(int64_t id, int64_t image_id) {
  const SpaceUse image = OfImage(image_id);
  return {OfFolder(id), image.unique_bytes + image.shared_bytes};
}

int64_t SpaceAccount::OfImages(const std::vector<int64_t>& images,
                               const std::vector<int64_t>& free_of_charge) {
  std::set<std::string> counted;
  for (const int64_t image : free_of_charge) counted.insert(layers_[image].begin(), layers_[image].end());
  int64_t bytes = 0;
  for (const int64_t image : images) {
    for (const std::string& layer : layers_[image]) {
      if (counted.insert(layer).second) bytes += LayerBytes(layer);
    }
    const FileSpace index = SpaceOf(layout_.ImageIndex(image));
    if (!index.other_names) bytes += index.bytes;
  }
  return bytes;
}

SpaceUse SpaceAccount::OfLayers() {
  SpaceUse use;
  for (const auto& [layer, users] : users_) {
    (users > 1 ? use.shared_bytes : use.unique_bytes) += LayerBytes(layer);
  }
  return use;
}

int64_t SpaceAccount::OfFolder(int64_t container_id) const {
  return AllocatedBytes(layout_.Container(container_id));
}

int64_t SpaceAccount::OfStandby(int64_t source_id) const {
  return AllocatedBytes(layout_.Standby(source_id));
}

std::string SpaceText(int64_t bytes) {
  constexpr std::array<std::string_view, 5> kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string WhatWouldFreeMost(std::vector<SpaceHolder> holders) {
  std::erase_if(holders, [](const SpaceHolder& holder) { return holder.bytes < kWorthTheWhile; });
  std::stable_sort(holders.begin(), holders.end(),
                   [](const SpaceHolder& a, const SpaceHolder& b) { return a.bytes > b.bytes; });
  std::string text;
  for (size_t i = 0; i < std::min(holders.size(), kHoldersNamed); ++i) {
    text += fmt::format("{}`{}` ({})", i == 0 ? "What would free most: " : ", ", holders[i].command,
                        SpaceText(holders[i].bytes));
  }
  return text.empty() ? text : text + ".";
}

}  // namespace spawnd::daemon
