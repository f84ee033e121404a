/// What happens to containers without anybody having asked for it: counted, and written down in the trail.
/// Loop thread.
#pragma once

#include "daemon/machine/machine.h"

namespace spawnd::daemon {

class Metrics;
struct ContainerLife;

/// `event` has just changed the machine of `life`, which was in state `before`.
void ObserveEvent(Metrics& metrics, const ContainerLife& life, const ContainerEvent& event,
                  ContainerState before);

}  // namespace spawnd::daemon
