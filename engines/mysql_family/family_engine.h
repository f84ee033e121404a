/// What MariaDB and MySQL have in common: one protocol, one SQL, one way to start a server. The two engines
/// (engines/mariadb, engines/mysql) say where they differ. Each method is in the file of its topic:
/// detect.cc, launch.cc, credentials.cc, session.cc, explain_exit.cc, restore_plan.cc. Immutable, safe from
/// any thread.
#pragma once

#include "engines/engine.h"
#include "engines/mask/cleaner.h"
#include "engines/mysql_family/product.h"

namespace spawnd::engines::mysql_family {

class FamilyEngine : public Engine, public MaskCleaner {
 public:
  std::string_view Name() const override { return product_.name; }
  std::string_view DisplayName() const override { return product_.display_name; }
  uint16_t DefaultPort() const override { return 3306; }
  std::vector<std::string_view> Aliases() const override { return {}; }

  std::vector<std::string> UsualPlaces() const override;
  std::vector<Installation> Detect(const std::vector<std::string>& places,
                                   const ServerRun& run) const override;
  bool Satisfies(std::string_view installed, std::string_view wanted) const override;
  std::string MajorVersion(std::string_view version) const override;

  std::vector<std::string_view> RefusedSettings() const override;
  std::string WhyRefused(std::string_view setting) const override;
  ErrorCodes CodesOfErrors() const override { return ErrorCodes::kMysqlNumber; }

  Command InitialiseCommand(const Launch& launch) const override;
  std::vector<SettingsFile> SettingsFiles(const Launch& launch) const override;
  Command StartCommand(const Launch& launch) const override;
  int StopSignal() const override;
  std::string_view ReadyLine() const override { return "ready for connections"; }

  Credentials MakeCredentials(std::string_view database) const override;
  ConnectionStrings Connect(const Endpoint& endpoint, const Credentials& credentials,
                            std::string_view initial_database, const ClientTls& tls) const override;

  Result<std::unique_ptr<Session>> Probe(const Launch& launch) const override;
  Farewell TurnAway(std::string_view received, std::string_view words) const override;
  std::vector<MissingLibrary> MissingLibraries(const Installation& installation,
                                               const std::vector<UsedLibrary>& used) const override;
  Error ExplainExit(std::string_view log_tail, const Endpoint& endpoint) const override;

  Result<void> CheckMask(const Installation& installation, bool placed) const override;
  Settings SettingsForMask(const Installation& installation) const override;
  Command CleanAfterMask(const Paths& paths) const override;

  Result<std::unique_ptr<RecognisedBackup>> Recognise(const RestoreRequest& request) const override;
  Result<FetchPlan> PlanFetch(const FetchRequest& request,
                              const std::vector<Installation>& installed) const override;

 protected:
  explicit FamilyEngine(const Product& product) : product_(product) {}

 private:
  const Product& product_;
};

}  // namespace spawnd::engines::mysql_family
