#include "engines/mysql_family/family_engine.h"

#include <signal.h>

#include "engines/mysql_family/credentials.h"
#include "engines/mysql_family/explain_exit.h"
#include "engines/mysql_family/launch.h"
#include "engines/mysql_family/physical_backup.h"
#include "engines/mysql_family/restore_plan.h"
#include "engines/mysql_family/session.h"
#include "engines/server_search.h"

namespace spawnd::engines::mysql_family {

std::vector<Installation> FamilyEngine::Detect(const std::vector<std::string>& search_paths) const {
  std::vector<std::string> folders = product_.package_folders;
  for (const std::string& path : search_paths) {
    folders.push_back(path);
    for (std::string& child : ChildrenOf(path)) folders.push_back(std::move(child));
  }
  return FindServers({std::string(product_.name), std::move(folders), product_.server_programs,
                      product_.version_of, product_.problem_of});
}

bool FamilyEngine::Satisfies(std::string_view installed, std::string_view wanted) const {
  const std::string series = SeriesOf(wanted);
  if (series.empty()) return false;
  // "10" is any 10.x, as "11.4.2" is any 11.4.
  const std::string have = SeriesOf(installed);
  return have == series || (series.find('.') == std::string::npos && have.rfind(series + ".", 0) == 0);
}

std::string FamilyEngine::MajorVersion(std::string_view version) const {
  return SeriesOf(version);
}

Command FamilyEngine::InitialiseCommand(const Launch& launch) const {
  return InitialiseCommandOf(product_, launch);
}

std::vector<SettingsFile> FamilyEngine::SettingsFiles(const Launch& /*launch*/) const {
  return StartFiles();
}

Command FamilyEngine::StartCommand(const Launch& launch) const {
  return ServerCommand(product_, launch);
}

int FamilyEngine::StopSignal() const {
  return SIGTERM;
}

Credentials FamilyEngine::MakeCredentials(std::string_view database) const {
  return NewCredentials(database);
}

ConnectionStrings FamilyEngine::Connect(const Endpoint& endpoint, const Credentials& credentials) const {
  return ConnectionStringsFor(product_, endpoint, credentials);
}

Result<std::unique_ptr<Engine::Session>> FamilyEngine::Probe(const Launch& launch) const {
  return OpenSession(launch);
}

Error FamilyEngine::ExplainExit(std::string_view log_tail, const Endpoint& endpoint) const {
  return ExplainServerExit(log_tail, endpoint);
}

Result<std::string> FamilyEngine::VersionOfBackup(const RestoreRequest& request) const {
  if (request.folder == nullptr || !IsPhysicalBackup(*request.folder)) return std::string();
  return SeriesOfPhysicalBackup(request);
}

Result<RestorePlan> FamilyEngine::PlanRestore(const Installation& installation,
                                              const RestoreRequest& request) const {
  return PlanRestoreOf(product_, installation, request);
}

}  // namespace spawnd::engines::mysql_family
