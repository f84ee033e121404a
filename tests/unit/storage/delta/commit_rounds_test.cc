#include "storage/delta/commit_rounds.h"

#include <array>
#include <latch>
#include <random>
#include <thread>
#include <vector>

#include "tests/support/catch.h"

namespace spawnd::storage {
namespace {

void End(CommitRounds& rounds) {
  const CommitRounds::Operation operation(rounds);
}

TEST_CASE("a commit makes a round only when something ended since the last") {
  CommitRounds rounds;
  int made = 0;
  const auto round = [&made]() -> Result<void> {
    ++made;
    return {};
  };
  REQUIRE(rounds.Share(round));
  CHECK(made == 0);
  End(rounds);
  REQUIRE(rounds.Share(round));
  REQUIRE(rounds.Share(round));
  CHECK(made == 1);
  REQUIRE(rounds.MakeOwn(round));
  CHECK(made == 2);
}

TEST_CASE("a round that failed covers nothing, and the next asker makes another") {
  CommitRounds rounds;
  End(rounds);
  const auto failing = []() -> Result<void> { return Fail(ErrorCode::kNoSpace, "full"); };
  CHECK(rounds.Share(failing).error().code == ErrorCode::kNoSpace);
  bool made = false;
  REQUIRE(rounds.Share([&made]() -> Result<void> {
    made = true;
    return {};
  }));
  CHECK(made);
}

/// A round that stays under way until Finish.
class HeldRound {
 public:
  HeldRound(CommitRounds& rounds, Result<void> outcome) {
    thread_ = std::thread([&rounds, outcome = std::move(outcome), this] {
      static_cast<void>(rounds.Share([&]() -> Result<void> {
        begun_.count_down();
        finish_.wait();
        return outcome;
      }));
    });
    begun_.wait();
  }
  ~HeldRound() { Finish(); }
  HeldRound(const HeldRound&) = delete;
  HeldRound& operator=(const HeldRound&) = delete;
  void Finish() {
    if (!thread_.joinable()) return;
    finish_.count_down();
    thread_.join();
  }

 private:
  std::latch begun_{1};
  std::latch finish_{1};
  std::thread thread_;
};

TEST_CASE("what ends during a round waits for the next, and all who wait share it") {
  CommitRounds rounds;
  End(rounds);
  HeldRound held(rounds, {});
  constexpr int kAskers = 3;
  for (int i = 0; i < kAskers; ++i) End(rounds);
  std::atomic<int> made{0};
  std::vector<std::thread> askers;
  for (int i = 0; i < kAskers; ++i) {
    askers.emplace_back([&] {
      static_cast<void>(rounds.Share([&made]() -> Result<void> {
        ++made;
        return {};
      }));
    });
  }
  held.Finish();
  for (std::thread& asker : askers) asker.join();
  CHECK(made == 1);
}

TEST_CASE("who waited for a round that failed gets its error") {
  // Nothing tells from outside that the second thread waits already; if it came late it made its own round.
  for (int attempt = 0; attempt < 1000; ++attempt) {
    CommitRounds rounds;
    End(rounds);
    HeldRound held(rounds, Fail(ErrorCode::kNoSpace, "full"));
    std::atomic<bool> asking{false};
    bool own = false;
    ErrorCode code = ErrorCode::kInternal;
    std::thread waiter([&] {
      asking = true;
      const auto shared = rounds.Share([&own]() -> Result<void> {
        own = true;
        return Fail(ErrorCode::kIo, "its own");
      });
      code = shared.error().code;
    });
    while (!asking) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    held.Finish();
    waiter.join();
    REQUIRE(code == (own ? ErrorCode::kIo : ErrorCode::kNoSpace));
    if (!own) return;
  }
  FAIL("no thread ever took part in another's round");
}

TEST_CASE("what ends during a round that fails has no part in the failure") {
  for (int attempt = 0; attempt < 20; ++attempt) {
    CommitRounds rounds;
    End(rounds);
    HeldRound held(rounds, Fail(ErrorCode::kNoSpace, "full"));
    End(rounds);
    std::atomic<bool> asking{false};
    bool covered = false;
    std::thread asker([&] {
      asking = true;
      covered = rounds.Share([]() -> Result<void> { return {}; }).has_value();
    });
    while (!asking) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    held.Finish();
    asker.join();
    REQUIRE(covered);
  }
}

TEST_CASE("rounds of many threads: one at a time, and what returns is covered") {
  constexpr size_t kThreads = 4;
  CommitRounds rounds;
  std::array<std::atomic<uint64_t>, kThreads> written{};
  std::array<std::atomic<uint64_t>, kThreads> durable{};
  std::atomic<uint64_t> own_asked{0};
  uint64_t made = 0;  // not atomic: a round that ran beside another is a race that ThreadSanitizer sees
  std::atomic<bool> inside{false};
  std::atomic<bool> wrong{false};
  const auto round = [&]() -> Result<void> {
    if (inside.exchange(true)) wrong = true;
    ++made;
    std::array<uint64_t, kThreads> seen;
    for (size_t t = 0; t < kThreads; ++t) seen[t] = written[t];
    std::this_thread::yield();
    const bool fails = made % 7 == 0;
    for (size_t t = 0; t < kThreads && !fails; ++t) durable[t] = seen[t];
    inside = false;
    return fails ? Result<void>(Fail(ErrorCode::kNoSpace, "full")) : Result<void>();
  };
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::minstd_rand random(static_cast<unsigned>(t) + 1);
      for (uint64_t i = 1; i <= 2000; ++i) {
        {
          const CommitRounds::Operation operation(rounds);
          written[t] = i;
        }
        const bool own = random() % 8 == 0;
        if (own) ++own_asked;
        const auto result = own ? rounds.MakeOwn(round) : rounds.Share(round);
        if (result && durable[t] < i) wrong = true;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_FALSE(wrong);
  CHECK(made >= own_asked);
  CHECK(made <= kThreads * 2000);
}

}  // namespace
}  // namespace spawnd::storage
