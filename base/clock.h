/// Times that two processes of one machine can hold against each other. Safe from any thread.
#pragma once

#include <time.h>

#include <cstdint>

namespace spawnd {

/// CLOCK_MONOTONIC. It stands still while the machine sleeps, and begins anew with each boot.
inline int64_t MonotonicNanoseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace spawnd
