#include "daemon/loop/jobs.h"

#include <signal.h>

#include <condition_variable>
#include <deque>
#include <mutex>
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
    std::deque<std::function<void(std::stop_token)>> dropped;
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
      dropped.swap(waiting_);
    }
    // Outside the lock: what a job has registered with the token may call Run.
    stop_.request_stop();
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  void Run(std::function<void(std::stop_token)> job) override {
    {
      const std::lock_guard lock(mutex_);
      if (ending_) return;
      waiting_.push_back(std::move(job));
    }
    changed_.notify_one();
  }

 private:
  void Work() {
    while (true) {
      std::function<void(std::stop_token)> job;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
        if (ending_) return;
        job = std::move(waiting_.front());
        waiting_.pop_front();
      }
      job(stop_.get_token());
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void(std::stop_token)>> waiting_;
  bool ending_ = false;
  std::stop_source stop_;
  std::vector<std::thread> threads_;
};

}  // namespace

std::unique_ptr<Jobs> Jobs::Start(size_t threads) {
  return std::make_unique<ThreadJobs>(threads);
}

}  // namespace spawnd::daemon
