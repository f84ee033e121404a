#include "engines/redis/redis_engine.h"

#include <signal.h>

#include "engines/redis/credentials.h"
#include "engines/redis/detect.h"
#include "engines/redis/explain_exit.h"
#include "engines/redis/launch.h"
#include "engines/redis/restore_plan.h"
#include "engines/redis/session.h"

namespace spawnd::engines::redis {

std::string_view RedisEngine::InstallHint() const {
  return "Install it with `apt install redis-server` and `systemctl disable --now redis-server`, or unpack "
         "Redis or "
         "Valkey into a folder of its own (bin/redis-server or bin/valkey-server) and name that under "
         "engineSearchPaths in the daemon's configuration.";
}

std::vector<Installation> RedisEngine::Detect(const std::vector<std::string>& search_paths) const {
  return DetectInstallations(search_paths);
}

bool RedisEngine::Satisfies(std::string_view installed, std::string_view wanted) const {
  return CanServe(installed, wanted);
}

std::string RedisEngine::MajorVersion(std::string_view version) const {
  return MinorVersionOf(version);
}

Command RedisEngine::InitialiseCommand(const Launch& launch) const {
  return FirstFilesCommand(launch);
}

std::vector<SettingsFile> RedisEngine::SettingsFiles(const Launch& launch) const {
  return {{kForcedFile, ForcedSettings(launch)}};
}

Command RedisEngine::StartCommand(const Launch& launch) const {
  return ServerCommand(launch);
}

int RedisEngine::StopSignal() const {
  // Writes the append-only file out and syncs it.
  return SIGTERM;
}

Credentials RedisEngine::MakeCredentials(std::string_view database) const {
  return NewCredentials(database);
}

ConnectionStrings RedisEngine::Connect(const Endpoint& endpoint, const Credentials& credentials) const {
  return ConnectionStringsFor(endpoint, credentials);
}

Result<std::unique_ptr<Engine::Session>> RedisEngine::Probe(const Launch& launch) const {
  return OpenSession(launch);
}

Error RedisEngine::ExplainExit(std::string_view log_tail, const Endpoint& endpoint) const {
  return ExplainServerExit(log_tail, endpoint);
}

Result<RestorePlan> RedisEngine::PlanRestore(const Installation& installation,
                                             const RestoreRequest& request) const {
  return PlanRestoreOf(installation, request);
}

}  // namespace spawnd::engines::redis
