/// Microsoft SQL Server on Linux, 2017 and later. Not yet run against a real server (README.md). Each
/// method is in the file of its topic: detect.cc, launch.cc, credentials.cc, session.cc, explain_exit.cc,
/// restore_plan.cc. Immutable, safe from any thread.
#pragma once

#include "engines/engine.h"
#include "engines/settings.h"

namespace spawnd::engines::mssql {

class MssqlEngine final : public Engine {
 public:
  std::string_view Name() const override { return "mssql"; }
  std::string_view DisplayName() const override { return "MSSQL"; }
  uint16_t DefaultPort() const override { return 1433; }
  std::vector<std::string_view> Aliases() const override { return {"sqlserver", "sql-server"}; }
  std::string_view InstallHint() const override;
  std::string_view LicenceKey() const override { return "acceptMssqlEula"; }

  std::vector<std::string_view> RefusedSettings() const override { return {kEverySetting}; }
  std::string WhyRefused(std::string_view /*setting*/) const override {
    return "SQL Server's settings are made by statements: `EXEC sp_configure ...; RECONFIGURE` in a "
           "preScript.";
  }
  ErrorCodes CodesOfErrors() const override { return ErrorCodes::kNumber; }

  std::vector<std::string> UsualPlaces() const override;
  std::vector<Installation> Detect(const std::vector<std::string>& places,
                                   const ServerRun& run) const override;
  bool Satisfies(std::string_view installed, std::string_view wanted) const override;
  std::string MajorVersion(std::string_view version) const override;

  std::vector<Bind> Binds(const Launch& launch) const override;
  Command InitialiseCommand(const Launch& launch) const override;
  std::vector<SettingsFile> SettingsFiles(const Launch& /*launch*/) const override { return {}; }
  Command StartCommand(const Launch& launch) const override;
  int StopSignal() const override;
  std::string_view ReadyLine() const override { return "Recovery is complete"; }
  bool ProbesByAddress() const override { return true; }
  bool CanRequireTls() const override { return false; }

  Credentials MakeCredentials(std::string_view database) const override;
  Credentials MakeOwnerCredentials(std::string_view database) const override;
  ConnectionStrings Connect(const Endpoint& endpoint, const Credentials& credentials,
                            std::string_view initial_database, const ClientTls& tls) const override;

  Result<std::unique_ptr<Session>> Probe(const Launch& launch) const override;
  Error ExplainExit(std::string_view log_tail, const Endpoint& endpoint) const override;

  Result<std::unique_ptr<RecognisedBackup>> Recognise(const RestoreRequest& request) const override;
};

}  // namespace spawnd::engines::mssql
