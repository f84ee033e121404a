/// How a fetch speaks to the world. For spawnctl's single thread.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "client/output/progress_display.h"
#include "client/output/terminal.h"

namespace spawnd::client {

struct FetchSurroundings {
  /// POSTs an api::FetchPlanRequest, as JSON, and gives the plan.
  std::function<Result<std::string>(std::string body)> ask;
  ProgressDisplay& display;
  const SignalWatch& signals;
};

}  // namespace spawnd::client
