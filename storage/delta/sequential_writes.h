/// Notices whoever writes a file from front to back and syncs it after each piece, as servers do with their
/// logs.
///
/// Told of the writes that meet blocks without a slot, it says how many blocks behind such a write should get
/// theirs along with it (docs/durability.md, "Mapped before it is needed").
///
/// Not thread-safe: its Delta holds the lock. Memory only; what it has forgotten costs a sync or two.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "storage/delta/epoch_gate.h"

namespace spawnd::storage {

class SequentialWrites {
 public:
  static constexpr uint32_t kMostAhead = 128;  ///< 512 KiB
  /// Longer writes come from somebody who does not sync after each.
  static constexpr uint32_t kLongestWrite = 32;

  /// A write of `epoch` gives slots to blocks [begin, end), up to its own end. How many more to prepare:
  /// none, unless `begin` is where an earlier epoch stopped.
  uint32_t Note(uint32_t begin, uint32_t end, Epoch epoch) {
    Stream* stream = Find(logs_, begin);
    if (stream == nullptr) stream = Find(starts_, begin);
    if (stream == nullptr) {
      Add(starts_, {.next = end, .ahead = 0, .epoch = epoch});
      return 0;
    }
    // Within one epoch nobody waits for each write.
    const bool synced_between = epoch > stream->epoch && end - begin <= kLongestWrite;
    stream->next = end;
    stream->epoch = epoch;
    if (!synced_between) return 0;
    if (stream == starts_.data()) stream = &Add(logs_, std::exchange(*stream, {}));
    stream->ahead = std::clamp(stream->ahead * 2, kLeastAhead, kMostAhead);
    return stream->ahead;
  }

  /// After a Note that said more than none: the slots of those behind its `end` reach to `prepared_end`.
  void Prepared(uint32_t end, uint32_t prepared_end) {
    if (Stream* const log = Find(logs_, end); log != nullptr) log->next = prepared_end;
  }

 private:
  struct Stream {
    uint32_t next = UINT32_MAX;  ///< first block without a slot
    uint32_t ahead = 0;          ///< how many were asked for the last time
    Epoch epoch = 0;
  };
  using Streams = std::array<Stream, 8>;  // the one that moved last is first
  static constexpr uint32_t kLeastAhead = 8;

  /// The stream that goes on at `next`, moved to the front; null when there is none.
  static Stream* Find(Streams& streams, uint32_t next) {
    const auto found = std::find_if(streams.begin(), streams.end(),
                                    [next](const Stream& stream) { return stream.next == next; });
    if (found == streams.end()) return nullptr;
    std::rotate(streams.begin(), found, found + 1);
    return streams.data();
  }

  /// In place of the one that has stood still longest.
  static Stream& Add(Streams& streams, const Stream& stream) {
    std::rotate(streams.begin(), streams.end() - 1, streams.end());
    return streams.front() = stream;
  }

  Streams logs_{};
  /// May become one. Apart, because scattered writes are a hundred times as many.
  Streams starts_{};
};

}  // namespace spawnd::storage
