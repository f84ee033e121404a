#include "daemon/http/router.h"

#include <fmt/format.h>

#include <optional>
#include <set>
#include <utility>

#include "api/error_codes.h"
#include "api/json.h"

namespace spawnd::daemon::http {
namespace {

bool IsParameter(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

/// The parameters when `path` fits the pattern.
std::optional<std::map<std::string, std::string>> Match(const std::vector<std::string>& pattern,
                                                        const std::vector<std::string>& path) {
  if (pattern.size() != path.size()) return std::nullopt;
  std::map<std::string, std::string> parameters;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (IsParameter(pattern[i])) {
      if (path[i].empty()) return std::nullopt;
      parameters.emplace(pattern[i].substr(1, pattern[i].size() - 2), path[i]);
    } else if (pattern[i] != path[i]) {
      return std::nullopt;
    }
  }
  return parameters;
}

std::string PathText(const std::vector<std::string>& path) {
  std::string text;
  for (const std::string& segment : path) text += "/" + segment;
  return text.empty() ? "/" : text;
}

}  // namespace

void Router::Add(std::string method, std::string_view pattern, Handler handler) {
  Route route;
  route.name = {std::move(method), std::string(pattern)};
  route.handler = std::move(handler);
  while (!pattern.empty()) {
    pattern.remove_prefix(1);  // the slash
    const std::string_view segment = pattern.substr(0, pattern.find('/'));
    if (!segment.empty()) route.segments.emplace_back(segment);
    pattern.remove_prefix(segment.size());
  }
  routes_.push_back(std::move(route));
}

void Router::Handle(Request request, const Reply& reply) const {
  std::set<std::string> allowed;
  for (const Route& route : routes_) {
    auto parameters = Match(route.segments, request.path);
    if (!parameters) continue;
    const std::string& method = route.name.method;
    const bool head_of_get = request.method == "HEAD" && method == "GET";
    if (request.method == method || head_of_get) {
      request.parameters = std::move(*parameters);
      if (watch_) watch_(route.name, request, reply);
      route.handler(std::move(request), reply);
      return;
    }
    allowed.insert(method);
    if (method == "GET") allowed.insert("HEAD");
  }
  if (allowed.empty()) {
    const Error error(ErrorCode::kNotFound, fmt::format("there is no '{}' here", PathText(request.path)));
    return Refuse(request, reply, api::HttpStatus(error.code), error, {});
  }
  const std::string methods = fmt::format("{}", fmt::join(allowed, ", "));
  const Error error(ErrorCode::kInvalidArgument,
                    fmt::format("'{}' does not know {}", PathText(request.path), request.method),
                    fmt::format("It knows {}.", methods));
  Refuse(request, reply, 405, error, methods);
}

void Router::Refuse(Request& request, const Reply& reply, int status, const Error& error,
                    const std::string& allow) const {
  if (watch_) watch_({}, request, reply);
  reply.Failed(error);
  std::vector<std::pair<std::string, std::string>> headers;
  if (!allow.empty()) headers.emplace_back("Allow", allow);
  reply.Send(status, api::ToJson(error), std::move(headers));
}

}  // namespace spawnd::daemon::http
