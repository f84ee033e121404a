#include "engines/mssql/mssql_engine.h"

#include <signal.h>

#include "engines/mssql/credentials.h"
#include "engines/mssql/detect.h"
#include "engines/mssql/explain_exit.h"
#include "engines/mssql/launch.h"
#include "engines/mssql/restore_plan.h"
#include "engines/mssql/session.h"

namespace spawnd::engines::mssql {

std::string_view MssqlEngine::InstallHint() const {
  return "Install Microsoft's package mssql-server "
         "(https://learn.microsoft.com/sql/linux/sql-server-linux-setup), "
         "without running mssql-conf, or name the folder that holds bin/sqlservr under engineSearchPaths in "
         "the "
         "daemon's configuration.";
}

std::vector<Installation> MssqlEngine::Detect(const std::vector<std::string>& search_paths) const {
  return DetectInstallations(search_paths);
}

bool MssqlEngine::Satisfies(std::string_view installed, std::string_view wanted) const {
  return SameRelease(installed, wanted);
}

std::string MssqlEngine::MajorVersion(std::string_view version) const {
  return MajorVersionOf(version);
}

std::vector<Bind> MssqlEngine::Binds(const Launch& launch) const {
  return PlacesOf(launch.paths);
}

Command MssqlEngine::InitialiseCommand(const Launch& launch) const {
  return SetupCommand(launch);
}

Command MssqlEngine::StartCommand(const Launch& launch) const {
  return ServerCommand(launch);
}

int MssqlEngine::StopSignal() const {
  // A checkpoint in every database, then the end.
  return SIGTERM;
}

Credentials MssqlEngine::MakeCredentials(std::string_view database) const {
  return NewCredentials(database);
}

ConnectionStrings MssqlEngine::Connect(const Endpoint& endpoint, const Credentials& credentials) const {
  return ConnectionStringsFor(endpoint, credentials);
}

Result<std::unique_ptr<Engine::Session>> MssqlEngine::Probe(const Launch& launch) const {
  return OpenSession(launch);
}

Error MssqlEngine::ExplainExit(std::string_view log_tail, const Endpoint& endpoint) const {
  return ExplainServerExit(log_tail, endpoint);
}

Result<RestorePlan> MssqlEngine::PlanRestore(const Installation& /*installation*/,
                                             const RestoreRequest& request) const {
  return PlanRestoreOf(request);
}

}  // namespace spawnd::engines::mssql
