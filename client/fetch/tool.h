/// One command of a fetch plan, run as the caller: what it prints, how far it has come, how it ends. For
/// spawnctl's single thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/source/fetch.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "client/fetch/surroundings.h"

namespace spawnd::client {

/// What a tool printed last counts; so much of it is kept.
inline constexpr size_t kMaxToolWords = 16 * 1024;
/// Of an answer for the daemon (kMaxFetchAnswer of engines/fetch/plan.h): the rest is dropped.
inline constexpr size_t kMaxAnswer = 48 * 1024;

struct ToolOrder {
  const api::FetchCommand& command;
  const std::string& folder;           ///< where it runs
  const std::string& hidden_variable;  ///< of spawnctl's environment, which it does not get; may be empty
  const std::optional<std::string>& secret;
  int backup_fd = -1;  ///< what its output goes to, where that is the backup
};

struct ToolEnd {
  int signal = 0;      ///< not 0: it was ended because this came
  std::string answer;  ///< of output "answer"
  int64_t bytes = 0;   ///< how far it came
};

/// Runs it to its end. A tool that fails is an Error: the plan's word for it, the tool's own, and how far it
/// came. kUnsupported when none of its programs is there. No core of it is kept, and it ends with spawnctl.
Result<ToolEnd> RunTool(const ToolOrder& order, const FetchSurroundings& surroundings);

/// The first of `programs` that can be run, with its path; empty: none is there.
std::string FindTool(const std::vector<std::string>& programs);

/// Of a tool that ended with another code than 0: `said` is what it printed on standard error and, as an
/// answer, on standard output.
Error ToolFailed(const api::FetchCommand& command, const std::string& said, int64_t bytes, int exit_code,
                 const std::string& folder);

}  // namespace spawnd::client
