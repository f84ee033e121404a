/// Names for daemons: `spawnctl context`. Kept in $XDG_CONFIG_HOME/spawnctl/contexts.json (~/.config),
/// written whole and renamed into place, so that a reader sees the old or the new. For spawnctl's single
/// thread.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace spawnd::client {

/// The context that is always there: this machine's daemon.
inline constexpr const char* kDefaultContext = "default";

struct Context {
  std::string name;
  std::string endpoint;
};

struct Contexts {
  std::string current;  ///< empty: kDefaultContext
  std::vector<Context> contexts;

  const Context* Find(const std::string& name) const;
  /// Of the context of that name, or the current one for an empty name; empty for kDefaultContext.
  /// kNotFound, naming those that there are.
  Result<std::string> EndpointOf(const std::string& name) const;
};

/// None at all when there is no file. kInvalidArgument for one that cannot be understood.
Result<Contexts> ReadContexts();
Result<void> WriteContexts(const Contexts& contexts);

}  // namespace spawnd::client
