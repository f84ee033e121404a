/// Who comes next: turns, limits, reserves, and what nobody waits for.
#include "daemon/loop/fair_queue.h"

#include <vector>

#include "tests/support/catch.h"

namespace spawnd::daemon {
namespace {

constexpr uid_t kRoot = 0;
constexpr uid_t kAnn = 1001;
constexpr uid_t kBob = 1002;
constexpr uid_t kCem = 1003;
constexpr JobOwner kAnnsRestart{kAnn, false};

using Tickets = std::vector<FairQueue::Ticket>;

Places LimitedTo(size_t all, size_t reserve, size_t of_user) {
  return {all, reserve, [of_user](uid_t) { return of_user; }};
}

Tickets Everything(FairQueue& queue) {
  Tickets taken;
  while (const auto next = queue.Next()) taken.push_back(*next);
  return taken;
}

TEST_CASE("of one user: first come, first served, as many as there are places") {
  FairQueue queue({2});
  for (FairQueue::Ticket ticket = 1; ticket <= 4; ++ticket) queue.Push(ticket, {kAnn});
  CHECK(Everything(queue) == Tickets{1, 2});
  queue.Ended({kAnn});
  CHECK(Everything(queue) == Tickets{3});
  CHECK(queue.Running() == 2);
  CHECK(queue.RunningOf(kAnn) == 2);
  CHECK(queue.RunningOf(kBob) == 0);
}

TEST_CASE("users take turns, however much one of them has brought before the others came") {
  FairQueue queue({1});
  for (FairQueue::Ticket ticket = 1; ticket <= 9; ++ticket) queue.Push(ticket, {kAnn});
  queue.Push(11, {kBob});
  queue.Push(12, {kBob});
  queue.Push(21, {kCem});
  Tickets order;
  for (const uid_t uid : {kAnn, kBob, kCem, kAnn, kBob, kAnn, kAnn}) {
    const auto next = queue.Next();
    REQUIRE(next);
    CHECK(queue.RunningOf(uid) == 1);
    order.push_back(*next);
    queue.Ended({uid});
  }
  CHECK(order == Tickets{1, 11, 21, 2, 12, 3, 4});
}

TEST_CASE("eight hanging builds of one user leave places for others, and what he brings on top waits") {
  FairQueue queue(LimitedTo(10, 2, 2));
  for (FairQueue::Ticket ticket = 1; ticket <= 8; ++ticket) queue.Push(ticket, {kAnn});
  CHECK(Everything(queue) == Tickets{1, 2});
  queue.Push(11, {kBob});
  queue.Push(21, {kRoot});
  CHECK(Everything(queue) == Tickets{21, 11});
  queue.Ended({kBob});
  CHECK(Everything(queue).empty());  // one of ann's has to end
  queue.Ended({kAnn});
  CHECK(Everything(queue) == Tickets{3});
}

TEST_CASE("the reserve is root's against all others together, and theirs against root") {
  FairQueue others(LimitedTo(4, 1, 0));
  for (FairQueue::Ticket ticket = 1; ticket <= 6; ++ticket) others.Push(ticket, {kAnn + uid_t(ticket)});
  CHECK(Everything(others).size() == 3);
  others.Push(7, {kRoot});
  CHECK(Everything(others) == Tickets{7});

  FairQueue roots(LimitedTo(4, 1, 1));
  for (FairQueue::Ticket ticket = 1; ticket <= 6; ++ticket) roots.Push(ticket, {kRoot});
  CHECK(Everything(roots) == Tickets{1, 2, 3});
  roots.Push(7, {kAnn});
  CHECK(Everything(roots) == Tickets{7});
}

TEST_CASE("root comes before who has waited longer") {
  FairQueue queue({1});
  queue.Push(1, {kAnn});
  queue.Push(2, {kBob});
  queue.Push(3, {kRoot});
  CHECK(queue.Next() == 3);
}

TEST_CASE("what somebody waits for goes before restarts, and restarts do not take all places") {
  FairQueue queue(LimitedTo(6, 0, 3));
  for (FairQueue::Ticket ticket = 1; ticket <= 5; ++ticket) queue.Push(ticket, kAnnsRestart);
  for (FairQueue::Ticket ticket = 11; ticket <= 15; ++ticket) queue.Push(ticket, {kBob, false});
  queue.Push(31, {kCem});
  CHECK(queue.Next() == 31);
  CHECK(Everything(queue) == Tickets{1, 11, 2});  // half of all places, and two of the three of a user
  queue.Push(6, {kAnn});
  CHECK(Everything(queue) == Tickets{6});
  queue.Ended(kAnnsRestart);
  CHECK(Everything(queue) == Tickets{12});
}

TEST_CASE("a limit that is raised counts for what waits already") {
  size_t limit = 1;
  FairQueue queue({8, 0, [&limit](uid_t) { return limit; }});
  for (FairQueue::Ticket ticket = 1; ticket <= 3; ++ticket) queue.Push(ticket, {kAnn});
  CHECK(Everything(queue) == Tickets{1});
  limit = 2;
  CHECK(Everything(queue) == Tickets{2});
  limit = 0;
  CHECK(Everything(queue) == Tickets{3});
}

TEST_CASE("what is given up leaves the line, and its user the turns") {
  FairQueue queue({1});
  queue.Push(1, {kAnn});
  queue.Push(2, {kBob});
  queue.Push(3, {kAnn});
  CHECK(queue.Next() == 1);
  CHECK_FALSE(queue.Erase(1));  // it runs
  CHECK(queue.Erase(2));
  CHECK_FALSE(queue.Erase(2));
  queue.Ended({kAnn});
  CHECK(queue.Next() == 3);
  queue.Ended({kAnn});
  CHECK_FALSE(queue.Next());
  CHECK(queue.Running() == 0);
}

}  // namespace
}  // namespace spawnd::daemon
