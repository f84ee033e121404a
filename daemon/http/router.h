/// Which handler answers which method and path. Built at start, then used on the loop thread only.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/http/message.h"

namespace spawnd::daemon::http {

/// A method and a pattern that were added; both empty: of a request that nothing fits.
struct RouteName {
  std::string method;
  std::string pattern;
};

class Router {
 public:
  /// Sees every request before its handler does, and those that have none: it cannot be forgotten by a route.
  using Watch = std::function<void(const RouteName& route, Request& request, const Reply& reply)>;
  void SetWatch(Watch watch) { watch_ = std::move(watch); }

  /// `pattern` is a path such as "/v1/data-images/{ref}"; a segment in braces matches any one segment that is
  /// not empty and is handed over as request.parameters["ref"]. Patterns of the same path may differ in
  /// method only. A GET also answers HEAD.
  void Add(std::string method, std::string_view pattern, Handler handler);

  /// Calls the handler, or answers 404 or 405 (with the methods that the path knows) as JSON.
  void Handle(Request request, const Reply& reply) const;

 private:
  struct Route {
    RouteName name;
    std::vector<std::string> segments;
    Handler handler;
  };
  void Refuse(Request& request, const Reply& reply, int status, const Error& error,
              const std::string& allow) const;

  std::vector<Route> routes_;
  Watch watch_;
};

}  // namespace spawnd::daemon::http
