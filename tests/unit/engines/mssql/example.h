/// A launch of SQL Server to look at. Test thread.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "engines/engine.h"

namespace spawnd::engines::mssql {

inline Launch Example() {
  Launch launch;
  launch.paths = {"/e", "/v/data", "/s", "/t/crt", "/t/key", "/settings"};
  launch.endpoint = {"127.0.0.1", 20001};
  launch.credentials = {"sa", "Secret1234567890", "master"};
  return launch;
}

inline bool Has(const std::vector<std::string>& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

}  // namespace spawnd::engines::mssql
