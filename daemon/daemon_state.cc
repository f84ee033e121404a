#include "daemon/daemon_state.h"

#include <utility>

#include "daemon/access/tokens.h"
#include "daemon/containers/containers.h"
#include "daemon/handlers/space.h"
#include "daemon/images/images.h"
#include "daemon/logs/log_streams.h"
#include "daemon/reaper.h"

namespace spawnd::daemon {

DaemonState::DaemonState(Config c, StoreLayout l)
    : config(std::move(c)),
      layout(std::move(l)),
      ports(config.host, config.first_port, config.last_port),
      installations(config.engine_search_paths, config.engine_usual_places, config.accepted_licences),
      teams(config.teams),
      reserve(layout.Reserve()) {}

DaemonState::~DaemonState() = default;

}  // namespace spawnd::daemon
