/// The formats, one a file of this folder, and what their files begin with. For unpacker.cc.
#pragma once

#include <memory>
#include <string_view>

#include "engines/unpack/unpacker.h"

namespace spawnd::engines {

/// RFC 1952.
bool BeginsGzip(std::string_view bytes);
std::unique_ptr<Unpacker> MakeGzip();

}  // namespace spawnd::engines
