/// A command as bytes, on its way to a process that runs it in a container: process 1, or one that the
/// launcher forks. Both ends are the same binary, one forked from the other, so memory layout is the format.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "engines/parts.h"

namespace spawnd::daemon {

std::string EncodeCommand(const engines::Command& command);
/// Errors: kInternal when it is cut short.
Result<engines::Command> DecodeCommand(std::string_view text);

}  // namespace spawnd::daemon
