/// Teams, and who publishes, as the administrator writes it down: names of users and groups.
#pragma once

#include <string>
#include <vector>

namespace spawnd::daemon {

struct Team {
  std::vector<std::string> users;
  std::vector<std::string> groups;
};

/// Whose public images a bare name may mean, besides root's.
struct Publishers {
  Team named;
  std::vector<std::string> teams;  ///< whoever is in these, too; all are configured
};

}  // namespace spawnd::daemon
