/// The groups of rows there are; one file each. `spawnd` is the path of the binary that is measured.
#pragma once

#include "tests/bench/row.h"

namespace spawnd::bench {

RowGroup CreateGroup(const std::string& spawnd);

}  // namespace spawnd::bench
