/// What a server's last lines say about its end. Pure.
#pragma once

#include <string_view>

#include "base/error.h"

namespace spawnd::engines::redis {

/// As an error for the user, which begins with "the server ended". Lines of a log or of the server's checker.
Error ExplainLog(std::string_view log_tail);

}  // namespace spawnd::engines::redis
