/// What this process takes of the machine, from /proc/self. Safe from any thread; what cannot be read is left
/// out.
#pragma once

#include <vector>

#include "daemon/metrics/exposition.h"

namespace spawnd::daemon {

/// The names are those that every Prometheus client has, behind "spawnd_": node_exporter, whose textfile
/// collector may show them, has some of its own and takes no second one.
std::vector<Family> ReadProcess();

}  // namespace spawnd::daemon
