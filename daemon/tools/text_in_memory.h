/// A text as a file that has no name. From any thread; it goes with its descriptor.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace spawnd::daemon {

/// At offset 0. `name`: for messages.
Result<UniqueFd> TextInMemory(const std::string& name, std::string_view text);

}  // namespace spawnd::daemon
