/// Whose job comes next when more are waiting than may run: users take turns, and nobody can take so many
/// places that others wait for him.
///
/// - Each user has at most Places::of_user jobs running, root any number.
/// - Users who have something waiting are served in turn, one job each, root before the others.
/// - A reserve of places is root's, and one of the same size the others': neither can be kept out.
/// - What somebody waits for goes before what nobody does (a restart after a crash), and keeps half of all
///   places, and one of each user's, to itself.
///
/// Counts and order only: no threads, no clock, no jobs. Not thread-safe: its Jobs holds the lock.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>

namespace spawnd::daemon {

/// Whose a job is.
struct JobOwner {
  uid_t uid = 0;
  bool awaited = true;  ///< somebody waits for its end
};

/// Work that the daemon does for nobody in particular.
inline constexpr JobOwner kForDaemon{};

/// How many jobs run at once.
struct Places {
  size_t all = 1;
  size_t reserve = 0;  ///< of `all`: only root's, and as many only others'
  /// Of one user; 0: any number. Asked again for each job, and never for root. Empty: no limit.
  std::function<size_t(uid_t)> of_user{};
};

class FairQueue {
 public:
  using Ticket = uint64_t;

  explicit FairQueue(Places places) : places_(std::move(places)) {}

  void Push(Ticket ticket, JobOwner owner);
  /// Out of the line; false when it is not in it any more.
  bool Erase(Ticket ticket);
  /// Takes the next one that may run now out of the line and counts it as running.
  std::optional<Ticket> Next();
  /// One that Next gave has ended.
  void Ended(JobOwner owner);

  size_t Running() const { return running_; }
  size_t Waiting() const { return waiting_.size(); }
  size_t AllPlaces() const { return places_.all; }
  size_t RunningOf(uid_t uid) const;

 private:
  struct User {
    std::deque<Ticket> awaited;
    std::deque<Ticket> others;
    size_t running = 0;
    size_t running_unawaited = 0;
  };

  bool MayRun(uid_t uid, const User& user, bool awaited) const;
  std::optional<Ticket> TakeFrom(uid_t uid, bool awaited);
  std::optional<Ticket> NextOf(bool awaited);
  void ForgetIdle(uid_t uid);

  const Places places_;
  std::map<uid_t, User> users_;  ///< who has anything waiting or running
  std::deque<uid_t> turns_;      ///< each of them once
  std::map<Ticket, JobOwner> waiting_;
  size_t running_ = 0;
  size_t running_unawaited_ = 0;
};

}  // namespace spawnd::daemon
