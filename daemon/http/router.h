/// Which handler answers which method and path. Built at start, then used on the loop thread only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/http/message.h"

namespace spawnd::daemon::http {

class Router {
 public:
  /// `pattern` is a path such as "/v1/data-images/{ref}"; a segment in braces matches any one segment that is
  /// not empty and is handed over as request.parameters["ref"]. Patterns of the same path may differ in
  /// method only. A GET also answers HEAD.
  void Add(std::string method, std::string_view pattern, Handler handler);

  /// Calls the handler, or answers 404 or 405 (with the methods that the path knows) as JSON.
  void Handle(Request request, const Reply& reply) const;

 private:
  struct Route {
    std::string method;
    std::vector<std::string> segments;
    Handler handler;
  };
  std::vector<Route> routes_;
};

}  // namespace spawnd::daemon::http
