#include "daemon/loop/fair_queue.h"

#include <algorithm>
#include <utility>

namespace spawnd::daemon {
namespace {

constexpr uid_t kRoot = 0;

}  // namespace

void FairQueue::Push(Ticket ticket, JobOwner owner) {
  const auto [user, is_new] = users_.try_emplace(owner.uid);
  if (is_new) turns_.push_back(owner.uid);
  (owner.awaited ? user->second.awaited : user->second.others).push_back(ticket);
  waiting_.emplace(ticket, owner);
}

bool FairQueue::Erase(Ticket ticket) {
  const auto found = waiting_.find(ticket);
  if (found == waiting_.end()) return false;
  const JobOwner owner = found->second;
  waiting_.erase(found);
  User& user = users_[owner.uid];
  std::erase(owner.awaited ? user.awaited : user.others, ticket);
  ForgetIdle(owner.uid);
  return true;
}

bool FairQueue::MayRun(uid_t uid, const User& user, bool awaited) const {
  if (running_ >= places_.all) return false;
  const auto root = users_.find(kRoot);
  const size_t of_root = root == users_.end() ? 0 : root->second.running;
  const size_t of_this_kind = uid == kRoot ? of_root : running_ - of_root;
  if (of_this_kind >= places_.all - places_.reserve) return false;
  if (!awaited && running_unawaited_ >= std::max<size_t>(1, places_.all / 2)) return false;
  const size_t limit = uid == kRoot || !places_.of_user ? 0 : places_.of_user(uid);
  if (limit == 0) return true;
  return user.running < limit && (awaited || user.running_unawaited < std::max<size_t>(1, limit - 1));
}

std::optional<FairQueue::Ticket> FairQueue::TakeFrom(uid_t uid, bool awaited) {
  const auto found = users_.find(uid);
  if (found == users_.end()) return std::nullopt;
  User& user = found->second;
  std::deque<Ticket>& line = awaited ? user.awaited : user.others;
  if (line.empty() || !MayRun(uid, user, awaited)) return std::nullopt;
  const Ticket ticket = line.front();
  line.pop_front();
  waiting_.erase(ticket);
  ++running_;
  ++user.running;
  if (!awaited) {
    ++running_unawaited_;
    ++user.running_unawaited;
  }
  return ticket;
}

std::optional<FairQueue::Ticket> FairQueue::NextOf(bool awaited) {
  if (const auto of_root = TakeFrom(kRoot, awaited)) return of_root;
  for (auto turn = turns_.begin(); turn != turns_.end(); ++turn) {
    const uid_t uid = *turn;
    const auto ticket = TakeFrom(uid, awaited);
    if (!ticket) continue;
    turns_.erase(turn);
    turns_.push_back(uid);
    return ticket;
  }
  return std::nullopt;
}

std::optional<FairQueue::Ticket> FairQueue::Next() {
  const auto awaited = NextOf(true);
  return awaited ? awaited : NextOf(false);
}

void FairQueue::Ended(JobOwner owner) {
  User& user = users_[owner.uid];
  --running_;
  --user.running;
  if (!owner.awaited) {
    --running_unawaited_;
    --user.running_unawaited;
  }
  ForgetIdle(owner.uid);
}

void FairQueue::ForgetIdle(uid_t uid) {
  const User& user = users_[uid];
  if (user.running > 0 || !user.awaited.empty() || !user.others.empty()) return;
  users_.erase(uid);
  std::erase(turns_, uid);
}

size_t FairQueue::RunningOf(uid_t uid) const {
  const auto found = users_.find(uid);
  return found == users_.end() ? 0 : found->second.running;
}

}  // namespace spawnd::daemon
