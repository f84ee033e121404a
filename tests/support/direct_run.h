/// An engines::ServerRun for tests: the program as it is, with the test's own rights. For any thread.
#pragma once

#include <string>

#include "base/process.h"
#include "engines/engine.h"

namespace spawnd::testing {

inline Result<ProcessOutput> RunDirectly(const std::string& /*root*/, const engines::Command& command) {
  SpawnOptions options;
  options.argv = command.argv;
  options.env = command.env;
  options.working_directory = command.working_directory;
  return RunAndCapture(options, engines::kServerRunDeadline, engines::kMaxServerRunOutput);
}

}  // namespace spawnd::testing
