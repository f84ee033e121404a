/// Cuts the stream of operations on a volume into epochs.
///
/// Every operation passes the gate for its whole duration and belongs to the epoch it entered in. A cut sends
/// newcomers into the next epoch and waits for those of the old one, so that afterwards the old epoch is
/// complete and nothing can still touch what it released. Newcomers never wait for a cut and a cut never
/// waits for newcomers, so neither can starve the other; only a held cut stops newcomers, until Release.
///
/// Thread-safe, except that cuts are made by one thread at a time. Never allocates.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace spawnd::storage {

/// Number of a consistent cut, from 1. Zero means "before everything".
using Epoch = uint32_t;

class EpochGate {
 public:
  explicit EpochGate(Epoch first) : epoch_(first) {}

  /// The epoch newcomers enter. An operation inside sees its own epoch or, during a cut, that plus one.
  Epoch Current() const { return epoch_.load(std::memory_order_acquire); }

  /// Sets the first epoch, before anybody enters.
  void StartAt(Epoch first) { epoch_.store(first, std::memory_order_release); }

  /// Starts the next epoch; returns once every operation of the previous one has left.
  void Cut();
  /// As Cut, but nobody is inside afterwards and newcomers wait until Release.
  void CutAndHold();
  void Release();

  /// One operation inside the gate.
  class Pass {
   public:
    explicit Pass(EpochGate& gate) : gate_(gate), epoch_(gate.Enter()) {}
    ~Pass() { gate_.Leave(epoch_); }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;
    Epoch OwnEpoch() const { return epoch_; }

   private:
    EpochGate& gate_;
    Epoch epoch_;
  };

 private:
  Epoch Enter();
  void Leave(Epoch epoch);

  std::mutex mutex_;
  std::condition_variable left_;
  std::condition_variable released_;
  std::atomic<Epoch> epoch_;          // written under mutex_
  std::array<uint32_t, 2> inside_{};  // by parity: at most two epochs have operations at once
  bool held_ = false;
};

}  // namespace spawnd::storage
