#include "daemon/loop/key_guards.h"

#include <atomic>
#include <thread>
#include <vector>

#include "tests/support/catch.h"

namespace spawnd::daemon {
namespace {

TEST_CASE("key guards: one at a time for a key, others pass") {
  KeyGuards guards;
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  std::atomic<int> passed{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      const auto held = guards.Acquire("postgresql 15", {});
      if (!held) return;
      const int now = ++inside;
      if (now > most) most = now;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      --inside;
      ++passed;
    });
  }
  const auto other = guards.Acquire("postgresql 17", {});
  CHECK(other);
  for (std::thread& thread : threads) thread.join();
  CHECK(passed == 8);
  CHECK(most == 1);
}

TEST_CASE("key guards: waiting ends when asked to stop") {
  KeyGuards guards;
  const auto held = guards.Acquire("key", {});
  REQUIRE(held);
  std::stop_source stop;
  std::thread stopper([&stop] { stop.request_stop(); });
  const auto refused = guards.Acquire("key", stop.get_token());
  stopper.join();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kCancelled);
}

}  // namespace
}  // namespace spawnd::daemon
