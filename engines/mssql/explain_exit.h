/// What a server's last words mean. Pure.
#pragma once

#include <string_view>

#include "engines/engine.h"

namespace spawnd::engines::mssql {

Error ExplainServerExit(std::string_view log_tail, const Endpoint& endpoint);

}  // namespace spawnd::engines::mssql
