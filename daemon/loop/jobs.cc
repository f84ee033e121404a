#include "daemon/loop/jobs.h"

#include <signal.h>

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace spawnd::daemon {
namespace {

class ThreadJobs final : public Jobs {
 public:
  explicit ThreadJobs(const Places& places) : queue_(places) {
    // The threads inherit this mask: signals are the loop thread's business, and a broken pipe is an error
    // code.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    threads_.reserve(places.all);
    for (size_t i = 0; i < places.all; ++i) threads_.emplace_back([this] { Work(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  ~ThreadJobs() override { ThreadJobs::Stop(); }

  void Stop() override {
    std::map<Ticket, std::shared_ptr<Waiting>> dropped;
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
      dropped.swap(waiting_);
    }
    // Outside the lock: what a job has registered with the token may call Run, and so may what is dropped.
    stop_.request_stop();
    changed_.notify_all();
    for (const auto& [ticket, waiting] : dropped) Drop(waiting->job, Stopping());
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  void Run(Job job) override {
    std::stop_token gone = job.gone;
    const auto waiting = std::make_shared<Waiting>();
    waiting->job = std::move(job);
    Ticket ticket = 0;
    {
      const std::lock_guard lock(mutex_);
      if (!ending_) ticket = Enter(waiting);
    }
    if (ticket == 0) return Drop(waiting->job, Stopping());
    if (!gone.stop_possible()) return;
    // Not under the lock: when it is gone already, this calls back at once.
    waiting->when_gone.emplace(std::move(gone), [this, ticket] { GiveUp(ticket); });
  }

  size_t RunningOf(uid_t uid) override {
    const std::lock_guard lock(mutex_);
    return queue_.RunningOf(uid);
  }

  JobCounts Counts() override {
    const std::lock_guard lock(mutex_);
    return {queue_.AllPlaces(), queue_.Running(), queue_.Waiting()};
  }

 private:
  using Ticket = FairQueue::Ticket;

  struct Waiting {
    Job job;
    std::optional<std::stop_callback<std::function<void()>>> when_gone;
  };

  static Error Stopping() { return {ErrorCode::kUnavailable, "the daemon is stopping"}; }

  static void Drop(const Job& job, const Error& why) {
    if (job.dropped) job.dropped(why);
  }

  // The next two hold the lock.

  Ticket Enter(const std::shared_ptr<Waiting>& waiting) {
    const Ticket ticket = ++last_ticket_;
    waiting_.emplace(ticket, waiting);
    queue_.Push(ticket, waiting->job.owner);
    const size_t own = queue_.RunningOf(waiting->job.owner.uid);
    const size_t all = queue_.Running();
    const bool begins = Assign(ticket);
    // Here and now: no thread can have begun it.
    if (!begins && waiting->job.queued) waiting->job.queued({own, all});
    return ticket;
  }

  /// Gives what may run to threads: there is one for each place. True when `ticket` is among it.
  bool Assign(Ticket ticket = 0) {
    bool found = false;
    while (const auto next = queue_.Next()) {
      assigned_.push_back(*next);
      changed_.notify_one();
      found = found || *next == ticket;
    }
    return found;
  }

  /// Out of the line, unless its turn has come.
  void GiveUp(Ticket ticket) {
    std::shared_ptr<Waiting> given_up;
    {
      const std::lock_guard lock(mutex_);
      if (!queue_.Erase(ticket)) return;
      auto found = waiting_.extract(ticket);
      if (found.empty()) return;  // Stop has it
      given_up = std::move(found.mapped());
    }
    Drop(given_up->job, {ErrorCode::kCancelled, "it was given up before its turn came"});
  }

  void Work() {
    while (true) {
      std::shared_ptr<Waiting> next;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return ending_ || !assigned_.empty(); });
        if (ending_) return;
        next = std::move(waiting_.extract(assigned_.front()).mapped());
        assigned_.pop_front();
      }
      next->job.work(stop_.get_token());
      const JobOwner owner = next->job.owner;
      next.reset();  // what it holds goes before its place is another's
      const std::lock_guard lock(mutex_);
      queue_.Ended(owner);
      Assign();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  FairQueue queue_;
  std::map<Ticket, std::shared_ptr<Waiting>> waiting_;  ///< in line, or assigned and not begun
  std::deque<Ticket> assigned_;
  Ticket last_ticket_ = 0;
  bool ending_ = false;
  std::stop_source stop_;
  std::vector<std::thread> threads_;
};

}  // namespace

std::unique_ptr<Jobs> Jobs::Start(const Places& places) {
  return std::make_unique<ThreadJobs>(places);
}

}  // namespace spawnd::daemon
