/// An event as it is told: one line of JSON. For one thread: names of users are asked for, which may block,
/// and remembered for a while.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "daemon/catalog/events.h"

namespace spawnd::daemon {

class UserNames {
 public:
  const std::string& Of(uid_t uid);

 private:
  struct Known {
    std::string name;
    std::chrono::steady_clock::time_point until;
  };
  std::map<uid_t, Known> known_;
};

/// Without a line break: the body of a webhook is the same.
std::string EventJson(const EventRow& event, UserNames& names);
/// Events with these ids, both included, were not told, and are not kept any more.
std::string MissedJson(int64_t from, int64_t to);

}  // namespace spawnd::daemon
