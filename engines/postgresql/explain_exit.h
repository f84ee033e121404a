/// What a PostgreSQL server's last words mean for the user. Pure.
#pragma once

#include <string_view>

#include "engines/engine.h"

namespace spawnd::engines::postgresql {

/// `log_tail` may begin in the middle of a line. The server logs in English (settings.cc forces lc_messages).
Error ExplainServerExit(std::string_view log_tail, const Endpoint& endpoint);

}  // namespace spawnd::engines::postgresql
