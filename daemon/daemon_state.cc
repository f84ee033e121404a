#include "daemon/daemon_state.h"

#include <utility>

#include "daemon/authentication.h"
#include "daemon/containers.h"
#include "daemon/images.h"
#include "daemon/log_streams.h"
#include "daemon/reaper.h"
#include "daemon/space.h"

namespace spawnd::daemon {

DaemonState::DaemonState(Config c, StoreLayout l)
    : config(std::move(c)),
      layout(std::move(l)),
      ports(config.host, config.first_port, config.last_port),
      installations(config.engine_search_paths, config.accepted_licences),
      teams(config.teams),
      reserve(layout.Reserve()) {}

DaemonState::~DaemonState() = default;

}  // namespace spawnd::daemon
