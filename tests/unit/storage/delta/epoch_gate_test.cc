#include "storage/delta/epoch_gate.h"

#include <optional>
#include <thread>
#include <vector>

#include "tests/support/catch.h"

namespace spawnd::storage {
namespace {

TEST_CASE("a cut waits for the old epoch and lets the new one in") {
  EpochGate gate(5);
  std::optional<EpochGate::Pass> old;
  old.emplace(gate);
  CHECK(old->OwnEpoch() == 5);
  std::atomic<bool> cut{false};
  std::thread committer([&] {
    gate.Cut();
    cut = true;
  });
  while (gate.Current() == 5) std::this_thread::yield();
  const EpochGate::Pass fresh(gate);  // enters although the cut is not done
  CHECK(fresh.OwnEpoch() == 6);
  CHECK_FALSE(cut);
  old.reset();
  committer.join();
  CHECK(cut);
}

TEST_CASE("a held cut keeps newcomers out until it is released") {
  EpochGate gate(1);
  gate.CutAndHold();
  std::atomic<Epoch> entered{0};
  std::thread newcomer([&] {
    const EpochGate::Pass pass(gate);
    entered = pass.OwnEpoch();
  });
  for (int i = 0; i < 1000; ++i) std::this_thread::yield();
  CHECK(entered == 0);
  gate.Release();
  newcomer.join();
  CHECK(entered == 2);
}

TEST_CASE("a committer is not starved by operations without end") {
  EpochGate gate(1);
  std::atomic<bool> stop{false};
  std::atomic<bool> wrong{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (!stop) {
        const EpochGate::Pass pass(gate);
        if (pass.OwnEpoch() + 1 < gate.Current()) wrong = true;  // two cuts ahead of an operation inside
      }
    });
  }
  for (int i = 0; i < 100; ++i) {
    if (i % 10 == 0) {
      gate.CutAndHold();
      gate.Release();
    } else {
      gate.Cut();
    }
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(gate.Current() == 101);
  CHECK_FALSE(wrong);
}

}  // namespace
}  // namespace spawnd::storage
