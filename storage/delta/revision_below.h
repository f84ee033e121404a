/// A revision of some delta as the ground of another volume: what Volume::Open puts between a new delta and
/// what that lies on, for each of VolumeOptions::revisions.
///
/// Opens everything for reading only, and reads only slots of the revision, which nobody changes: so the
/// volume that the revision belongs to may run meanwhile, in another process too. Thread-safe after Open.
#pragma once

#include <memory>
#include <string>

#include "storage/delta/block_map.h"
#include "storage/delta/delta.h"
#include "storage/delta/revision.h"

namespace spawnd::storage {

class RevisionBelow final : public Below {
 public:
  /// `ground` is what the delta of `directory` lies over. Errors: as ReadRevision.
  static Result<std::unique_ptr<RevisionBelow>> Open(FileSystem& fs, const std::string& directory,
                                                     uint32_t number, const RevisionOwner& owner,
                                                     std::unique_ptr<Below> ground);

  Result<void> Read(uint32_t block, std::span<std::byte> out) override;
  Result<uint32_t> NextData(uint32_t block) override;
  /// True when the revision says nothing of `count` blocks from `block` on: all are what lies below it.
  bool HoldsNone(uint32_t block, uint32_t count) const {
    return map_.NextEntry(block) >= uint64_t{block} + count;
  }
  /// Random; no other revision has the same.
  uint64_t Salt() const { return salt_; }

 private:
  RevisionBelow(std::unique_ptr<Below> below, std::unique_ptr<File> data, std::string data_path)
      : below_(std::move(below)), data_(std::move(data)), data_path_(std::move(data_path)) {}

  std::unique_ptr<Below> below_;
  std::unique_ptr<File> data_;
  std::string data_path_;
  BlockMap map_;
  uint64_t salt_ = 0;
};

}  // namespace spawnd::storage
