/// The request target: splits and decodes the path and the query (RFC 3986 sections 2.1 and 3.3, query as
/// HTML forms write it). Pure, safe from any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace spawnd::daemon::http {

struct Target {
  std::vector<std::string> path;  ///< decoded segments; empty for "/"
  std::map<std::string, std::string> query;
};

/// `target` in origin form ("/a/b?c=d") or absolute form ("http://host/a/b"). kInvalidArgument: another form,
/// a bad escape, a NUL, bytes that are no UTF-8 once decoded, a query name given twice.
Result<Target> ParseTarget(std::string_view target);

}  // namespace spawnd::daemon::http
