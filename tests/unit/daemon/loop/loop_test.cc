/// The loop's mailbox, jobs and watches on a real libuv loop.
#include <signal.h>
#include <unistd.h>
#include <uv.h>

#include <array>
#include <atomic>
#include <thread>

#include "base/unique_fd.h"
#include "daemon/loop/event_loop.h"
#include "daemon/loop/jobs.h"
#include "daemon/loop/mailbox.h"
#include "tests/support/catch.h"

namespace spawnd::daemon {
namespace {

using namespace std::chrono_literals;

std::unique_ptr<EventLoop> MakeLoop() {
  auto loop = EventLoop::Make();
  REQUIRE(loop);
  return std::move(*loop);
}

TEST_CASE("messages from many threads all arrive on the loop thread, in order per thread") {
  auto loop = MakeLoop();
  auto mailbox = std::move(*MakeMailbox(loop->Get()));
  constexpr int kThreads = 8;
  constexpr int kMessages = 2000;
  std::array<int, kThreads> next{};
  int total = 0;
  bool in_order = true;
  bool on_loop = true;
  const auto loop_thread = std::this_thread::get_id();
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kMessages; ++i) {
        mailbox->Post([&, t, i] {
          in_order = in_order && next[static_cast<size_t>(t)]++ == i;
          on_loop = on_loop && std::this_thread::get_id() == loop_thread;
          if (++total == kThreads * kMessages) mailbox.reset();
        });
      }
    });
  }
  loop->Run();
  for (std::thread& thread : threads) thread.join();
  CHECK(total == kThreads * kMessages);
  CHECK(in_order);
  CHECK(on_loop);
}

TEST_CASE("what is posted to a closed mailbox is dropped and destroyed") {
  auto loop = MakeLoop();
  auto mailbox = std::move(*MakeMailbox(loop->Get()));
  const auto post = mailbox->Posting();
  auto waiting = std::make_shared<int>(1);
  auto late = std::make_shared<int>(2);
  bool ran = false;
  mailbox->Post([&ran, waiting] { ran = true; });
  mailbox->Close();
  mailbox->Post([&ran, late] { ran = true; });
  mailbox.reset();
  post([&ran, late] { ran = true; });
  loop->Run();
  CHECK_FALSE(ran);
  CHECK(waiting.use_count() == 1);
  CHECK(late.use_count() == 1);
}

TEST_CASE("a message may destroy the mailbox; those behind it do not run") {
  auto loop = MakeLoop();
  auto mailbox = std::move(*MakeMailbox(loop->Get()));
  int ran = 0;
  mailbox->Post([&] {
    ++ran;
    mailbox.reset();
  });
  mailbox->Post([&] { ++ran; });
  loop->Run();
  CHECK(ran == 1);
}

TEST_CASE("threads may post while the loop closes the mailbox") {
  for (int round = 0; round < 50; ++round) {
    auto loop = MakeLoop();
    auto mailbox = std::move(*MakeMailbox(loop->Get()));
    std::atomic<bool> go = true;
    std::thread poster([&go, post = mailbox->Posting()] {
      while (go) post([] {});
    });
    mailbox->Post([&] { mailbox.reset(); });
    loop->Run();
    go = false;
    poster.join();
  }
  SUCCEED("no crash, and nothing for the sanitizers to say");
}

TEST_CASE("jobs run as many at once as there are threads, first come first served") {
  auto loop = MakeLoop();
  auto mailbox = std::move(*MakeMailbox(loop->Get()));
  auto jobs = Jobs::Start({2});
  std::atomic<int> running = 0;
  std::atomic<int> most = 0;
  std::vector<int> finished;
  for (int i = 0; i < 10; ++i) {
    jobs->Run(kForDaemon, [&, i](std::stop_token) {
      const int now = ++running;
      int seen = most;
      while (now > seen && !most.compare_exchange_weak(seen, now)) {
      }
      std::this_thread::sleep_for(2ms);
      --running;
      mailbox->Post([&, i] {
        finished.push_back(i);
        if (finished.size() == 10) mailbox.reset();
      });
    });
  }
  loop->Run();
  CHECK(finished.size() == 10);
  CHECK(most == 2);
}

TEST_CASE("ending the jobs stops those that run and drops those that wait") {
  std::atomic<bool> started = false;
  std::atomic<bool> was_stopped = false;
  std::atomic<bool> second_ran = false;
  auto jobs = Jobs::Start({1});
  jobs->Run(kForDaemon, [&](std::stop_token stop) {
    started = true;
    while (!stop.stop_requested()) std::this_thread::sleep_for(1ms);
    was_stopped = true;
  });
  jobs->Run(kForDaemon, [&](std::stop_token) { second_ran = true; });
  while (!started) std::this_thread::yield();
  jobs.reset();
  CHECK(was_stopped);
  CHECK_FALSE(second_ran);
}

/// Holds the only thread of some jobs until it is let go.
struct Busy {
  explicit Busy(Jobs& jobs) {
    jobs.Run(kForDaemon, [this](const std::stop_token& stop) {
      started = true;
      while (!let_go && !stop.stop_requested()) std::this_thread::sleep_for(1ms);
    });
    while (!started) std::this_thread::yield();
  }
  std::atomic<bool> started = false;
  std::atomic<bool> let_go = false;
};

TEST_CASE("a job that is given up while it waits in line is dropped at once; one that runs is not") {
  const auto jobs = Jobs::Start({1});
  Busy busy(*jobs);
  std::stop_source first;
  std::stop_source second;
  std::vector<ErrorCode> dropped;
  std::atomic<bool> first_ran = false;
  std::atomic<bool> second_ran = false;
  const auto drop = [&dropped](const Error& why) { dropped.push_back(why.code); };
  const auto run = [&](std::stop_token gone, std::atomic<bool>& ran) {
    jobs->Run({.owner = kForDaemon,
               .work = [&ran](const std::stop_token&) { ran = true; },
               .gone = std::move(gone),
               .dropped = drop});
  };
  run(first.get_token(), first_ran);
  run(second.get_token(), second_ran);
  first.request_stop();  // here and now, although nobody is free
  CHECK(dropped == std::vector{ErrorCode::kCancelled});
  busy.let_go = true;
  while (!second_ran) std::this_thread::yield();
  second.request_stop();  // too late
  jobs->Stop();
  CHECK_FALSE(first_ran);
  CHECK(dropped.size() == 1);
}

TEST_CASE("stopping the jobs tells those who wait, and those who come later") {
  const auto jobs = Jobs::Start({1});
  Busy busy(*jobs);
  std::vector<ErrorCode> dropped;
  bool ran = false;
  const auto run = [&] {
    jobs->Run({.owner = kForDaemon,
               .work = [&](const std::stop_token&) { ran = true; },
               .dropped = [&](const Error& why) { dropped.push_back(why.code); }});
  };
  run();
  jobs->Stop();
  CHECK(dropped == std::vector{ErrorCode::kUnavailable});
  run();
  jobs->Run(kForDaemon, [&](const std::stop_token&) { ran = true; });
  CHECK(dropped.size() == 2);
  CHECK_FALSE(ran);
}

TEST_CASE("a job that has to wait says for what, before it begins; one that begins at once does not") {
  constexpr uid_t kAnn = 1001;
  const auto jobs = Jobs::Start({4, 0, [](uid_t) { return 1; }});
  std::atomic<bool> go = false;
  std::atomic<int> running = 0;
  int told = 0;
  const auto run = [&](uid_t uid) {
    jobs->Run({.owner = {uid},
               .work =
                   [&](const std::stop_token& stop) {
                     ++running;
                     while (!go && !stop.stop_requested()) std::this_thread::sleep_for(1ms);
                   },
               .queued =
                   [&](const JobQueued& queued) {
                     ++told;
                     CHECK(queued.own_running == 1);
                     CHECK(queued.all_running == 2);
                   }});
  };
  run(kAnn);
  run(kAnn + 1);
  CHECK(told == 0);
  run(kAnn);
  CHECK(told == 1);
  CHECK(jobs->RunningOf(kAnn) == 1);
  go = true;
  while (running < 3) std::this_thread::yield();
}

TEST_CASE("a timer fires once or again, and may be destroyed by its own callback") {
  auto loop = MakeLoop();
  int once = 0;
  int again = 0;
  std::unique_ptr<Watch> first;
  std::unique_ptr<Watch> second;
  first = std::move(*WatchTime(loop->Get(), 1ms, 0ms, [&] { ++once; }));
  second = std::move(*WatchTime(loop->Get(), 1ms, 1ms, [&] {
    if (++again == 5) second.reset();
  }));
  loop->Run();
  first.reset();
  CHECK(once == 1);
  CHECK(again == 5);
}

TEST_CASE("a signal and the end of a pipe call back") {
  auto loop = MakeLoop();
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  std::unique_ptr<Watch> on_signal;
  std::unique_ptr<Watch> on_end;
  bool ended = false;
  on_signal = std::move(*WatchSignal(loop->Get(), SIGUSR1, [&] {
    on_signal.reset();
    write_end.Reset();
  }));
  on_end = std::move(*WatchReadable(loop->Get(), read_end.Get(), [&] {
    char byte = 0;
    ended = ::read(read_end.Get(), &byte, 1) == 0;
    on_end.reset();
  }));
  ::kill(::getpid(), SIGUSR1);
  loop->Run();
  CHECK(ended);
}

}  // namespace
}  // namespace spawnd::daemon
