/// Which boot of the host this is. Safe from any thread.
#pragma once

#include <string>

#include "base/result.h"

namespace spawnd::storage {

/// The kernel's random id of the present boot, 36 characters. Two equal ids mean that the page cache has
/// lived on in between, so that whatever was written then is still there, synced or not.
Result<std::string> ReadBootId();

}  // namespace spawnd::storage
