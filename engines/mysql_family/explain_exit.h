/// Why a server ended, by the last lines of its log. Pure.
#pragma once

#include <string_view>

#include "engines/engine.h"

namespace spawnd::engines::mysql_family {

Error ExplainServerExit(std::string_view log_tail, const Endpoint& endpoint);

}  // namespace spawnd::engines::mysql_family
