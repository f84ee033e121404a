/// A team as the administrator writes it down: names of users and groups.
#pragma once

#include <string>
#include <vector>

namespace spawnd::daemon {

struct Team {
  std::vector<std::string> users;
  std::vector<std::string> groups;
};

}  // namespace spawnd::daemon
