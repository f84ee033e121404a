#include "storage/delta/epoch_gate.h"

namespace spawnd::storage {

Epoch EpochGate::Enter() {
  std::unique_lock lock(mutex_);
  released_.wait(lock, [this] { return !held_; });
  const Epoch epoch = epoch_.load(std::memory_order_relaxed);
  ++inside_[epoch & 1];
  return epoch;
}

void EpochGate::Leave(Epoch epoch) {
  const std::lock_guard lock(mutex_);
  if (--inside_[epoch & 1] == 0) left_.notify_one();
}

void EpochGate::Cut() {
  std::unique_lock lock(mutex_);
  const Epoch old = epoch_.load(std::memory_order_relaxed);
  epoch_.store(old + 1, std::memory_order_release);
  left_.wait(lock, [&] { return inside_[old & 1] == 0; });
}

void EpochGate::CutAndHold() {
  std::unique_lock lock(mutex_);
  held_ = true;
  // The epoch before this one is empty since its own cut, so this parity is all there is.
  const Epoch old = epoch_.load(std::memory_order_relaxed);
  left_.wait(lock, [&] { return inside_[old & 1] == 0; });
  epoch_.store(old + 1, std::memory_order_release);
}

void EpochGate::Release() {
  const std::lock_guard lock(mutex_);
  held_ = false;
  released_.notify_all();
}

}  // namespace spawnd::storage
