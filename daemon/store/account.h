/// What images and containers take on the disk, and who else needs the same files.
///
/// Take reads the catalog, on the loop thread; the account that it returns owns what it knows, and measures
/// files when it is asked, which may block: on a job thread. One thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "daemon/catalog/catalog.h"
#include "daemon/store/layout.h"

namespace spawnd::daemon {

/// Bytes of allocated blocks, as `du` counts.
struct SpaceUse {
  int64_t unique_bytes = 0;  ///< what deleting this alone would free
  int64_t shared_bytes = 0;  ///< what it needs besides, and something else does too
};

class SpaceAccount {
 public:
  static Result<SpaceAccount> Take(Catalog& catalog, const StoreLayout& layout);
  /// The same for one image and its containers, which costs next to nothing. What the image shares with
  /// others counts as its own: of a container, all of that is shared anyway.
  static Result<SpaceAccount> Take(Catalog& catalog, const StoreLayout& layout, int64_t image_id);

  /// Unique: its index, and the layers that no other image refers to.
  SpaceUse OfImage(int64_t image_id);
  /// Unique: its folder (delta, journal, log). Shared: all of its image.
  SpaceUse OfContainer(int64_t id, int64_t image_id);
  /// What these images take together: each file once, and none that one of `free_of_charge` needs, too.
  int64_t OfImages(const std::vector<int64_t>& images, const std::vector<int64_t>& free_of_charge);
  /// All layers of images: of those that one image refers to, and of those that several do.
  SpaceUse OfLayers();
  /// A container's folder.
  int64_t OfFolder(int64_t container_id) const;
  /// A standby's.
  int64_t OfStandby(int64_t source_id) const;

 private:
  explicit SpaceAccount(StoreLayout layout) : layout_(std::move(layout)) {}
  int64_t LayerBytes(const std::string& layer);

  StoreLayout layout_;
  std::map<int64_t, std::vector<std::string>> layers_;  ///< of each image
  std::map<std::string, int> users_;                    ///< images that refer to a layer
  std::map<std::string, int64_t> bytes_;                ///< of layers that were measured already
};

/// "1.2 GiB"
std::string SpaceText(int64_t bytes);

/// Something that its owner could delete to make room.
struct SpaceHolder {
  std::string command;  ///< "spawnctl delete data-container shop-a"
  int64_t bytes = 0;    ///< that it would free
};
/// One sentence with the three that free most; empty when none frees anything worth the while (1 MiB).
std::string WhatWouldFreeMost(std::vector<SpaceHolder> holders);

}  // namespace spawnd::daemon
