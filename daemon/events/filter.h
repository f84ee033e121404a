/// Which events somebody wants: values of one key stand for each other, keys narrow each other, as with
/// `docker events --filter`. Values, safe from any thread.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "daemon/catalog/events.h"

namespace spawnd::daemon {

/// The login name of a user; may block.
using NameOfUser = std::function<std::string(uid_t)>;

class EventFilter {
 public:
  static bool IsKey(std::string_view key);
  /// kInvalidArgument, with what there is, for a key, a type or an event that is none, and for an empty
  /// value.
  Result<void> Add(const std::string& key, const std::string& value);
  /// The same for "a,b".
  Result<void> AddList(const std::string& key, std::string_view values);
  bool Matches(const EventRow& event, const NameOfUser& name_of) const;

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> wanted_;
};

}  // namespace spawnd::daemon
