// The daemon's: spdlog as well, which alone costs as much as all of common.hpp. See there.
#include <spdlog/spdlog.h>

#include "common.hpp"
