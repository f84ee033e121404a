/// What becomes of every request: counted, and, when it changes something, written down in the trail
/// (daemon/access/trail.h). The router shows it all requests, so that no route can be without: the verb and
/// the resource follow from the route's method and path, and handlers only add the id and the name.
///
/// Requests come on the loop thread, their ends on any.
#pragma once

#include <string>

#include "daemon/http/router.h"
#include "daemon/metrics/metrics.h"

namespace spawnd::daemon {

/// What a route does, from its method and pattern.
struct RouteMeaning {
  bool changes = false;  ///< no GET
  std::string verb;      ///< "create", "get", "delete", or the last word of the path: "save"
  std::string resource;  ///< "data-container", "upload"; empty: of a request that no route fits
};
RouteMeaning MeaningOf(const http::RouteName& route);

/// `metrics` outlives the router.
http::Router::Watch WatchRequests(Metrics& metrics);

}  // namespace spawnd::daemon
