#include "engines/postgresql/restore/client_tools.h"

#include <boost/filesystem.hpp>
#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <utility>
#include <vector>

#include "base/process.h"
#include "engines/restore.h"
#include "engines/version.h"

namespace spawnd::engines::postgresql {
namespace {

namespace fs = boost::filesystem;

constexpr std::chrono::milliseconds kVersionDeadline{30000};

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

/// `trouble` is why one of them did not answer, as on a machine that is too busy.
ClientTool Newest(const std::vector<fs::path>& places, std::optional<Error>& trouble) {
  ClientTool newest;
  for (const fs::path& place : places) {
    boost::system::error_code error;
    const fs::path real = fs::canonical(place, error);
    if (error || real.filename() == "pg_wrapper" || ::access(real.c_str(), X_OK) != 0) continue;
    if (ProgramForTools(real.string(), {}, {}).empty()) continue;
    SpawnOptions options;
    options.argv = {real.string(), "--version"};
    options.env = {"LC_ALL=C", "PATH=/usr/bin:/bin"};
    const auto output = RunAndCapture(options, kVersionDeadline, 4096);
    if (!output) trouble = output.error();
    if (!output || output->exit_code != 0) continue;
    const std::string version = ParseToolVersion(output->output);
    if (!version.empty() && (newest.path.empty() || VersionLess(newest.version, version))) {
      newest = {real.string(), version};
    }
  }
  return newest;
}

}  // namespace

Result<ClientTool> FindClientTool(std::string_view name) {
  std::optional<Error> trouble;
  ClientTool tool = Newest(Places(name), trouble);
  if (tool.path.empty()) tool = Newest(InPath(name), trouble);
  if (!tool.path.empty()) return tool;
  if (trouble) return Fail(std::move(*trouble));
  return Fail(ErrorCode::kUnsupported,
              "'" + std::string(name) + "', which restores this backup, is not installed",
              "Install it with `apt install postgresql-client-15` or a newer one.");
}

Result<ClientTool> FindPsql() {
  TRY_ASSIGN(ClientTool psql, FindClientTool("psql"));
  TRY(CheckRestricts(psql));
  return psql;
}

Result<void> CheckRestricts(const ClientTool& psql) {
  SpawnOptions options;
  options.argv = {psql.path, "--help=commands"};
  options.env = {"LC_ALL=C", "PATH=/usr/bin:/bin"};
  TRY_ASSIGN(const ProcessOutput commands, RunAndCapture(options, kVersionDeadline, 64 * 1024));
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
