#include "engines/postgresql/restore/client_tools.h"

#include <boost/filesystem.hpp>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/process.h"
#include "engines/program_identity.h"
#include "engines/restore.h"
#include "engines/server_search.h"
#include "engines/version.h"

namespace spawnd::engines::postgresql {
namespace {

namespace fs = boost::filesystem;

constexpr std::chrono::milliseconds kAnswerDeadline{10000};
/// Between attempts to ask one that did not answer, each twice as long as the one before; and how many of
/// them. A build waits for about a minute and a half before its caller is told to come again.
constexpr std::chrono::milliseconds kFirstPause{500};
constexpr int kAttempts = 6;
constexpr size_t kMaxAnswer = 64 * 1024;
/// Far more than there are.
constexpr size_t kMaxRemembered = 200;

/// Runs a tool that only says something of itself. One that has said it is not run again while it is the same
/// file, and a deadline is no answer.
Result<ProcessOutput> Ask(const std::string& program, const std::string& option) {
  static std::mutex mutex;
  static std::map<std::pair<std::string, std::string>, std::pair<ProgramIdentity, ProcessOutput>> said;
  const auto key = std::pair(program, option);
  // Before it is run: one that is replaced meanwhile is asked once more.
  const auto is_now = IdentityOf(program);
  if (is_now) {
    const std::lock_guard lock(mutex);
    const auto found = said.find(key);
    if (found != said.end() && found->second.first == *is_now) return found->second.second;
  }
  SpawnOptions options;
  options.argv = {program, option};
  options.env = {"LC_ALL=C", "PATH=/usr/bin:/bin"};
  // What lies elsewhere may be anybody's.
  if (!program.starts_with("/usr/") && ::geteuid() == 0) {
    constexpr uid_t kNobody = 65534;
    options.identity = Identity{kNobody, kNobody, {}};
    options.no_new_privileges = true;
  }
  auto pause = kFirstPause;
  for (int attempt = 1;; ++attempt, pause *= 2) {
    auto output = RunAndCapture(options, kAnswerDeadline, kMaxAnswer);
    const bool asked = output ? !IsFailureToAsk(*output) : !IsFailureToAsk(output.error());
    if (!asked && attempt < kAttempts) {
      std::this_thread::sleep_for(pause);
      continue;
    }
    if (!asked) {
      return Fail(ErrorCode::kNotReady,
                  output ? "'" + program + " " + option + "' was killed" : output.error().message,
                  "The machine seems to be too busy: try again.");
    }
    if (is_now && output && output->exit_code == 0) {
      const std::lock_guard lock(mutex);
      if (said.size() >= kMaxRemembered) said.clear();
      said.insert_or_assign(key, std::pair(*is_now, *output));
    }
    return output;
  }
}

std::vector<fs::path> Places(std::string_view name) {
  std::vector<fs::path> places;
  boost::system::error_code error;
  for (const char* const parent : {"/usr/lib/postgresql", "/usr"}) {
    for (fs::directory_iterator it(parent, error), end; !error && it != end; it.increment(error)) {
      const bool versioned =
          std::string_view(parent) != "/usr" || it->path().filename().string().rfind("pgsql-", 0) == 0;
      if (versioned) places.push_back(it->path() / "bin" / std::string(name));
    }
  }
  return places;
}

std::vector<fs::path> InPath(std::string_view name) {
  std::vector<fs::path> places;
  const char* path = ::getenv("PATH");
  std::string_view folders = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  while (!folders.empty()) {
    const size_t colon = folders.find(':');
    places.push_back(fs::path(std::string(folders.substr(0, colon))) / std::string(name));
    folders.remove_prefix(colon == std::string_view::npos ? folders.size() : colon + 1);
  }
  return places;
}

std::mutex known_mutex;
std::vector<std::string> known_roots;

std::vector<fs::path> AllPlaces(std::string_view name, const Installation& installation) {
  std::vector<fs::path> places = Places(name);
  if (!installation.root.empty()) places.push_back(fs::path(installation.root) / "bin" / std::string(name));
  const std::lock_guard lock(known_mutex);
  for (const std::string& root : known_roots) places.push_back(fs::path(root) / "bin" / std::string(name));
  return places;
}

/// `trouble` is why one of them, which may be the newest, could not be asked.
ClientTool Newest(const std::vector<fs::path>& places, const Installation& installation,
                  const std::string& engine_root, std::optional<Error>& trouble,
                  const std::function<bool(const ClientTool&)>& usable = {}) {
  ClientTool newest;
  for (const fs::path& place : places) {
    boost::system::error_code error;
    const fs::path real = fs::canonical(place, error);
    if (error || real.filename() == "pg_wrapper" || ::access(real.c_str(), X_OK) != 0) continue;
    const std::string for_tools = ProgramForTools(real.string(), installation, engine_root);
    if (for_tools.empty()) continue;
    const auto output = Ask(real.string(), "--version");
    if (!output && output.error().code == ErrorCode::kNotReady) trouble = output.error();
    if (!output || output->exit_code != 0) continue;
    const std::string version = ParseToolVersion(output->output);
    if (version.empty() || (!newest.path.empty() && !VersionLess(newest.version, version))) continue;
    ClientTool tool{for_tools, version, real.string()};
    if (!usable || usable(tool)) newest = std::move(tool);
  }
  return newest;
}

}  // namespace

void KnowInstallations(const std::vector<Installation>& installations) {
  const std::lock_guard lock(known_mutex);
  known_roots.clear();
  for (const Installation& installation : installations) {
    if (installation.problem.empty()) known_roots.push_back(installation.root);
  }
}

Result<ClientTool> FindClientTool(std::string_view name, const Installation& installation,
                                  const std::string& engine_root) {
  std::optional<Error> trouble;
  ClientTool tool = Newest(AllPlaces(name, installation), installation, engine_root, trouble);
  if (tool.path.empty() && !trouble) tool = Newest(InPath(name), installation, engine_root, trouble);
  if (trouble) return Fail(std::move(*trouble));
  if (!tool.path.empty()) return tool;
  return Fail(ErrorCode::kUnsupported,
              "'" + std::string(name) + "', which restores this backup, is not installed",
              "Install it with `apt install postgresql-client-15` or a newer one.");
}

Result<ClientTool> FindPsql(const Installation& installation, const std::string& engine_root) {
  TRY_ASSIGN(ClientTool psql, FindClientTool("psql", installation, engine_root));
  auto restricts = CheckRestricts(psql);
  if (restricts) return psql;
  // An older one that has had the mode put in is as good.
  std::optional<Error> trouble;
  ClientTool other = Newest(AllPlaces("psql", installation), installation, engine_root, trouble,
                            [](const ClientTool& tool) { return CheckRestricts(tool).has_value(); });
  if (!other.path.empty()) return other;
  return Fail(std::move(restricts.error()));
}

Result<void> CheckRestricts(const ClientTool& psql) {
  TRY_ASSIGN(const ProcessOutput commands,
             Ask(psql.host_path.empty() ? psql.path : psql.host_path, "--help=commands"));
  if (commands.output.find("\\restrict ") != std::string::npos) return {};
  return Fail(ErrorCode::kUnsupported,
              "psql " + psql.version + " at '" + psql.path +
                  "' has no restricted mode, in which a backup cannot give it commands",
              "Install a newer one: 13.22, 14.19, 15.14, 16.10, 17.6, 18, or a later one of these.");
}

std::string ParseToolVersion(std::string_view output) {
  constexpr std::string_view kProduct = "(PostgreSQL) ";
  const size_t at = output.find(kProduct);
  if (at == std::string_view::npos) return {};
  output.remove_prefix(at + kProduct.size());
  return std::string(output.substr(0, output.find_first_of(" \r\n")));
}

}  // namespace spawnd::engines::postgresql
