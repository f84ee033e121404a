#include "engines/server_search.h"

#include <boost/filesystem.hpp>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "base/process.h"
#include "engines/version.h"

namespace spawnd::engines {
namespace {

namespace fs = boost::filesystem;

constexpr size_t kMaxChildren = 1000;
/// Bounds the text of a problem, which stands in a table.
constexpr size_t kMaxProblem = 300;

std::string FirstLine(std::string_view text) {
  return std::string(text.substr(0, std::min(text.find('\n'), kMaxProblem)));
}

/// "/usr" and "sbin/server" of "/usr/sbin/server" and "sbin/server": the root is as many levels up as the
/// program's name has.
fs::path RootOf(fs::path server, const std::string& program) {
  for (auto depth = std::count(program.begin(), program.end(), '/') + 1; depth > 0; --depth) {
    server = server.parent_path();
  }
  return server;
}

/// True when `candidate` was another product.
bool IsStranger(const ServerSearch& search, const ServerRun& run, Installation& candidate,
                const std::string& server) {
  candidate.program = server;
  // Before it is asked: one that is replaced meanwhile is looked at again.
  candidate.identity = IdentityOf(server).value_or(ProgramIdentity());
  const ServerAnswer answer = AskVersion(run, candidate.root, server, search.version_option);
  candidate.problem = answer.problem;
  candidate.unanswered = answer.unanswered;
  if (!candidate.problem.empty()) return false;
  candidate.version = search.version_of(answer.says);
  if (candidate.version.empty()) return true;
  if (search.product_of) candidate.product = search.product_of(answer.says);
  candidate.problem = search.problem_of(candidate);
  return false;
}

}  // namespace

bool IsFailureToAsk(const Error& error) {
  switch (error.code) {
    case ErrorCode::kTimeout:
    case ErrorCode::kUnavailable:
    case ErrorCode::kCancelled:
    case ErrorCode::kNotReady:
    case ErrorCode::kTooMany:
    case ErrorCode::kNoSpace:
    case ErrorCode::kIo:  // no memory, no process, no descriptor; a file that is being written
      return true;
    default:
      return false;
  }
}

bool IsFailureToAsk(const ProcessOutput& output) {
  return output.exit_code == 128 + SIGKILL || output.exit_code == 128 + SIGTERM;
}

ServerAnswer AskVersion(const ServerRun& run, const std::string& root, const std::string& server,
                        const std::string& option) {
  if (::access(server.c_str(), X_OK) != 0) return {"", "'" + server + "' is not executable", false};
  const auto output = run(root, {{server, option}, {"LC_ALL=C", "PATH=/usr/bin:/bin"}, "/"});
  if (!output) return {"", output.error().message, IsFailureToAsk(output.error())};
  if (output->exit_code == 0) return {output->output, "", false};
  const std::string asked = "'" + server + " " + option + "'";
  if (IsFailureToAsk(*output)) return {"", asked + " was killed", true};
  const std::string said = FirstLine(output->output);
  return {"", said.empty() ? asked + " ended with exit code " + std::to_string(output->exit_code) : said,
          false};
}

std::vector<std::string> ChildrenOf(const std::string& folder) {
  std::vector<std::string> children;
  boost::system::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end && children.size() < kMaxChildren;
       it.increment(error)) {
    children.push_back(it->path().string());
  }
  std::sort(children.begin(), children.end());
  return children;
}

std::vector<std::string> RootsIn(const std::vector<std::string>& places) {
  std::vector<std::string> roots;
  for (const std::string& place : places) {
    roots.push_back(place);
    for (std::string& child : ChildrenOf(place)) roots.push_back(std::move(child));
  }
  return roots;
}

std::vector<Installation> FindServers(const ServerSearch& search, const ServerRun& run) {
  std::vector<Installation> found;
  std::set<fs::path> seen;
  for (const std::string& folder : search.folders) {
    for (const std::string& program : search.programs) {
      boost::system::error_code error;
      const fs::path server = fs::canonical(fs::path(folder) / program, error);
      if (error) continue;
      if (!seen.insert(server).second) break;
      Installation one{search.engine, "", RootOf(server, program).string()};
      // By the name that it is started by: some programs are several in one, and go by what they are called.
      const fs::path called = fs::path(one.root) / program;
      if (!IsStranger(search, run, one, (fs::exists(called, error) ? called : server).string()))
        found.push_back(std::move(one));
      break;
    }
  }
  std::stable_sort(found.begin(), found.end(), [](const Installation& a, const Installation& b) {
    return VersionLess(b.version, a.version);
  });
  return found;
}

}  // namespace spawnd::engines
