#include "daemon/loop/jobs.h"

#include <signal.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace spawnd::daemon {
namespace {

class ThreadJobs final : public Jobs {
 public:
  explicit ThreadJobs(size_t threads) {
    // The threads inherit this mask: signals are the loop thread's business, and a broken pipe is an error
    // code.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    threads_.reserve(threads);
    for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { Work(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  ~ThreadJobs() override { ThreadJobs::Stop(); }

  void Stop() override {
    std::deque<std::shared_ptr<Waiting>> dropped;
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
      dropped.swap(waiting_);
    }
    // Outside the lock: what a job has registered with the token may call Run, and so may what is dropped.
    stop_.request_stop();
    changed_.notify_all();
    for (const auto& waiting : dropped) Drop(*waiting, Stopping());
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  void Run(std::function<void(std::stop_token)> job) override { RunUnless({}, std::move(job), {}); }

  void RunUnless(std::stop_token gone, std::function<void(std::stop_token)> job,
                 std::function<void(const Error&)> dropped) override {
    const auto waiting = std::make_shared<Waiting>();
    waiting->job = std::move(job);
    waiting->dropped = std::move(dropped);
    bool too_late = false;
    {
      const std::lock_guard lock(mutex_);
      too_late = ending_;
      if (!too_late) waiting_.push_back(waiting);
    }
    if (too_late) return Drop(*waiting, Stopping());
    changed_.notify_one();
    if (!gone.stop_possible()) return;
    // Not under the lock: when it is gone already, this calls back at once.
    waiting->when_gone.emplace(std::move(gone),
                               [this, weak = std::weak_ptr(waiting)] { GiveUp(weak.lock()); });
  }

 private:
  struct Waiting {
    std::function<void(std::stop_token)> job;
    std::function<void(const Error&)> dropped;  ///< may be empty
    std::optional<std::stop_callback<std::function<void()>>> when_gone;
  };

  static Error Stopping() { return {ErrorCode::kUnavailable, "the daemon is stopping"}; }

  static void Drop(const Waiting& waiting, const Error& why) {
    if (waiting.dropped) waiting.dropped(why);
  }

  /// Out of the line, unless its turn has come.
  void GiveUp(const std::shared_ptr<Waiting>& waiting) {
    {
      const std::lock_guard lock(mutex_);
      const auto place = std::find(waiting_.begin(), waiting_.end(), waiting);
      if (place == waiting_.end()) return;
      waiting_.erase(place);
    }
    Drop(*waiting, {ErrorCode::kCancelled, "it was given up before its turn came"});
  }

  void Work() {
    while (true) {
      std::shared_ptr<Waiting> next;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
        if (ending_) return;
        next = std::move(waiting_.front());
        waiting_.pop_front();
      }
      next->job(stop_.get_token());
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Waiting>> waiting_;
  bool ending_ = false;
  std::stop_source stop_;
  std::vector<std::thread> threads_;
};

}  // namespace

std::unique_ptr<Jobs> Jobs::Start(size_t threads) {
  return std::make_unique<ThreadJobs>(threads);
}

}  // namespace spawnd::daemon
