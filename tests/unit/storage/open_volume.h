/// A small volume in a folder that goes away, for the tests of volumes and revisions.
#pragma once

#include <memory>
#include <utility>

#include "storage/volume.h"
#include "tests/unit/storage/seal_test_volume.h"

namespace spawnd::storage::testing {

constexpr uint64_t kBytes = 4 << 20;

inline VolumeOptions In(const ScratchDirectory& directory, Durability durability = Durability::kEverySecond) {
  return {.directory = directory.Path(),
          .volume_bytes = kBytes,
          .durability = durability,
          .image = nullptr,
          .boot_id = {}};
}

inline std::unique_ptr<Volume> OpenVolume(VolumeOptions options) {
  auto volume = Volume::Open(PosixFileSystem(), std::move(options));
  if (!volume) FAIL(volume.error().message);
  return std::move(*volume);
}

}  // namespace spawnd::storage::testing
