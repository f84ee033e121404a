/// A kernel that says no: one system call that fails whoever makes it, as it does on a disk that breaks.
///
/// The filter cannot be taken off again, so what is tried runs in a child process of its own. From a test
/// with one thread; nothing of the child's memory comes back but the text.
#pragma once

#include <functional>
#include <string>

namespace spawnd::testing {

/// What `run` returns when each call of `number` (SYS_...) fails with `error` (EIO, ...); how the child ended
/// when it did not return.
std::string WithFailingCall(int number, int error, const std::function<std::string()>& run);

}  // namespace spawnd::testing
