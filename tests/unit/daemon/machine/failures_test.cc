/// Whose fault a failure is, and how long it is waited after it.
#include "daemon/machine/failures.h"

#include "tests/support/catch.h"

namespace spawnd::daemon {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("failures: what the machine is to blame for") {
  for (const ErrorCode code : {ErrorCode::kNoSpace, ErrorCode::kInUse, ErrorCode::kIo, ErrorCode::kTimeout,
                               ErrorCode::kTooMany, ErrorCode::kUnsupported}) {
    CHECK(IsMachinesFault({code, "x"}));
  }
  for (const ErrorCode code : {ErrorCode::kUnavailable, ErrorCode::kCorrupt, ErrorCode::kPoisoned,
                               ErrorCode::kInternal, ErrorCode::kInvalidArgument}) {
    CHECK_FALSE(IsMachinesFault({code, "the server ended: invalid value for parameter"}));
  }
}

TEST_CASE(
    "failures: an address that is not there yet and memory that is short pass, however they are coded") {
  CHECK(IsMachinesFault({ErrorCode::kInvalidArgument,
                         "the server cannot listen on 192.0.2.7: could not bind IPv4 address: Cannot assign "
                         "requested address"}));
  CHECK(IsMachinesFault({ErrorCode::kUnavailable,
                         "the server ended: could not map anonymous shared memory: Cannot allocate memory"}));
  CHECK(IsMachinesFault({ErrorCode::kUnavailable, "the server ended: Too many open files"}));
}

TEST_CASE("failures: pauses double up to the longest") {
  CHECK(RestartDelay(0, seconds(300)) == milliseconds(0));
  CHECK(RestartDelay(1, seconds(300)) == milliseconds(0));
  CHECK(RestartDelay(2, seconds(300)) == seconds(1));
  CHECK(RestartDelay(5, seconds(300)) == seconds(8));
  CHECK(RestartDelay(11, seconds(300)) == seconds(300));
  CHECK(RestartDelay(100'000, seconds(300)) == seconds(300));
}

}  // namespace
}  // namespace spawnd::daemon
