#include "engines/mssql/detect.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "base/text.h"
#include "engines/mssql/mssql_engine.h"
#include "engines/server_search.h"
#include "engines/version.h"

namespace spawnd::engines::mssql {
namespace {

/// The first release for Linux.
constexpr std::string_view kOldest = "14";

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kYears{
    {{"2017", "14"}, {"2019", "15"}, {"2022", "16"}, {"2025", "17"}}};

bool IsDigit(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0;
}

bool SpeaksOfSqlServer(std::string_view text) {
  const std::string lower = LowerCase(text);
  return lower.find("sql server") != std::string::npos || lower.find("sqlservr") != std::string::npos;
}

}  // namespace

std::string_view MssqlEngine::InstallHint() const {
  return "Install Microsoft's package mssql-server "
         "(https://learn.microsoft.com/sql/linux/sql-server-linux-setup), "
         "without running mssql-conf, or name the folder that holds bin/sqlservr under engineSearchPaths in "
         "the "
         "daemon's configuration.";
}

/// Where Microsoft's package puts it.
std::vector<std::string> MssqlEngine::UsualPlaces() const {
  return {"/opt/mssql"};
}

std::vector<Installation> MssqlEngine::Detect(const std::vector<std::string>& places,
                                              const ServerRun& run) const {
  ServerSearch search;
  search.engine = "mssql";
  search.folders = RootsIn(places);
  search.programs = {"bin/sqlservr"};
  search.version_option = "-v";
  search.version_of = ParseVersionOutput;
  search.problem_of = [](const Installation& found) -> std::string {
    return VersionLess(found.version, kOldest) ? "it is older than SQL Server 2017" : "";
  };
  return FindServers(search, run);
}

std::string ParseVersionOutput(std::string_view output) {
  if (!SpeaksOfSqlServer(output)) return {};
  for (size_t at = 0; at < output.size(); ++at) {
    if (!IsDigit(output[at])) continue;
    size_t end = at;
    while (end < output.size() && (IsDigit(output[end]) || output[end] == '.')) ++end;
    std::string_view number = output.substr(at, end - at);
    while (!number.empty() && number.back() == '.') number.remove_suffix(1);
    const auto dots = std::count(number.begin(), number.end(), '.');
    if ((dots == 2 || dots == 3) && number.find("..") == std::string_view::npos) return std::string(number);
    at = end;
  }
  return {};
}

std::string MssqlEngine::MajorVersion(std::string_view version) const {
  return std::string(version.substr(0, version.find('.')));
}

/// Users ask for the year on the box, or for the number: "2022", "16", "16.0".
bool MssqlEngine::Satisfies(std::string_view installed, std::string_view wanted) const {
  std::string_view major = wanted.substr(0, wanted.find('.'));
  for (const auto& [year, number] : kYears) {
    if (major == year) major = number;
  }
  return !major.empty() && major == MajorVersion(installed);
}

}  // namespace spawnd::engines::mssql
