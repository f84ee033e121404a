/// The account of `readyMemory`: what servers hold together that are there without anybody using them, of all
/// kinds. Each kind says what it holds, and asks what it may.
///
/// Who gives way first: containers that may sleep, which cost whoever comes next a start; then second servers
/// of containers; then what is started ahead. But neither of the last two begins another one in the place of
/// what is there of the other: each would be started and given up by turns.
///
/// Loop thread only. Nothing here survives the process.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <utility>

namespace spawnd::daemon {

/// In the order in which they give way.
enum class ReadyKind : uint8_t { kIdle, kSpares, kPooled };

class ReadyMemory {
 public:
  explicit ReadyMemory(uint64_t budget_bytes) : budget_(budget_bytes) {}

  void Hold(ReadyKind kind, uint64_t bytes) { held_.at(static_cast<size_t>(kind)) = bytes; }
  /// The same of idle ones, with their spares: these are in no other sum.
  void HoldIdle(uint64_t bytes, std::set<int64_t> containers) {
    Hold(ReadyKind::kIdle, bytes);
    idle_ = std::move(containers);
  }
  bool IsIdle(int64_t container) const { return idle_.contains(container); }

  uint64_t Held(ReadyKind kind) const { return held_.at(static_cast<size_t>(kind)); }
  /// What all of that kind may hold together, beside the others.
  uint64_t MayHold(ReadyKind kind) const;
  uint64_t Budget() const { return budget_; }

 private:
  const uint64_t budget_;
  std::array<uint64_t, 3> held_{};
  std::set<int64_t> idle_;
};

}  // namespace spawnd::daemon
