/// Trying something on a machine that is not as this one: a kernel that refuses a call, other files in /etc.
///
/// What makes the difference cannot be taken back, so `run` is tried in a child process of its own, and
/// nothing of its memory comes back but the text that it returns (how the child ended when it did not
/// return). From a test with one thread.
#pragma once

#include <functional>
#include <string>

namespace spawnd::testing {

std::string InChild(const std::function<std::string()>& run);

/// Each call of `number` (SYS_...) fails with `error` (EIO, ...), whoever makes it.
std::string WithFailingCall(int number, int error, const std::function<std::string()>& run);

/// The file `path`, which is there, has another content. As root only.
std::string WithFile(const std::string& path, const std::string& content,
                     const std::function<std::string()>& run);

}  // namespace spawnd::testing
