/// What a volume is asked for and what it tells of itself, as plain values: for its delta, which lies below
/// it, and for those who pass them on and open no volume.
#pragma once

#include <cstdint>
#include <string>

namespace spawnd::storage {

enum class Durability {
  kEverySecond,  ///< Flush returns at once; the owner calls CommitEpoch once a second
  kAlways,       ///< Flush returns when everything completed before it is durable
};

/// A revision of the volume whose delta is in `directory`.
struct RevisionReference {
  std::string directory;
  uint32_t number = 0;
};

/// A revision, and how much of the host's disk its coming took.
struct RevisionUsage {
  uint32_t number = 0;
  uint64_t unique_bytes = 0;  ///< of blocks that no revision with a lower number holds
};

struct VolumeUsage {
  uint64_t delta_bytes = 0;  ///< host disk space that slots in use take
  uint64_t journal_bytes = 0;
  uint64_t epoch = 0;            ///< the one being written
  uint64_t committed_epoch = 0;  ///< the last durable one
};

}  // namespace spawnd::storage
