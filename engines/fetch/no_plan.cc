/// Of a product that gives its data over no connection.
#include "engines/engine.h"

namespace spawnd::engines {

Result<FetchPlan> Engine::PlanFetch(const FetchRequest& /*request*/,
                                    const std::vector<Installation>& /*installed*/) const {
  return Fail(ErrorCode::kUnsupported,
              "spawnd cannot get data from a running " + std::string(DisplayName()) + " server",
              "Have the server make a backup, and name that: `sourceType: backup`.");
}

Result<FetchPlan> Engine::PlanRepository(const FetchRequest& request,
                                         const std::vector<Installation>& /*installed*/) const {
  return Fail(
      ErrorCode::kUnsupported,
      "spawnd knows no repository of " + request.repository.tool + " for " + std::string(DisplayName()),
      "Restore from it into a folder or a file, and name that: `sourceType: backup`.");
}

}  // namespace spawnd::engines
