/// What pools, spares and sleepers may hold beside each other.
#include "daemon/host/ready_memory.h"

#include "tests/support/catch.h"

namespace spawnd::daemon {
namespace {

TEST_CASE("each kind has what the others leave of one budget") {
  ReadyMemory ready(100);
  CHECK(ready.MayHold(ReadyKind::kIdle) == 100);
  ready.Hold(ReadyKind::kPooled, 40);
  ready.Hold(ReadyKind::kSpares, 30);
  CHECK(ready.MayHold(ReadyKind::kIdle) == 30);
  CHECK(ready.MayHold(ReadyKind::kSpares) == 60);
  CHECK(ready.MayHold(ReadyKind::kPooled) == 70);
}

TEST_CASE("what is idle takes nothing from the others: it sleeps") {
  ReadyMemory ready(100);
  ready.HoldIdle(90, {7});
  CHECK(ready.MayHold(ReadyKind::kPooled) == 100);
  CHECK(ready.MayHold(ReadyKind::kSpares) == 100);
  CHECK(ready.IsIdle(7));
  ready.HoldIdle(0, {});
  CHECK_FALSE(ready.IsIdle(7));
}

TEST_CASE("when they have grown over it together, the spares give way, and what is pooled does not") {
  ReadyMemory ready(100);
  ready.Hold(ReadyKind::kPooled, 60);
  ready.Hold(ReadyKind::kSpares, 70);
  CHECK(ready.MayHold(ReadyKind::kPooled) == 60);
  CHECK(ready.MayHold(ReadyKind::kSpares) == 40);
  CHECK(ready.MayHold(ReadyKind::kIdle) == 0);
  ready.Hold(ReadyKind::kPooled, 120);
  CHECK(ready.MayHold(ReadyKind::kPooled) == 100);
  CHECK(ready.MayHold(ReadyKind::kSpares) == 0);
}

}  // namespace
}  // namespace spawnd::daemon
