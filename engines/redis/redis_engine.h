/// Redis 6.2 and later, and what engines/valkey is: its continuation under another name. Each method is in
/// the file of its topic: detect.cc, launch.cc, credentials.cc, session.cc, explain_exit.cc, restore_plan.cc.
/// Immutable, safe from any thread.
#pragma once

#include "engines/engine.h"
#include "engines/redis/product.h"

namespace spawnd::engines::redis {

class RedisEngine : public Engine {
 public:
  RedisEngine() : RedisEngine(RedisProduct()) {}
  std::string_view Name() const override { return product_.name; }
  std::string_view DisplayName() const override { return product_.display_name; }
  uint16_t DefaultPort() const override { return 6379; }
  std::vector<std::string_view> Aliases() const override { return {}; }
  std::string_view InstallHint() const override { return product_.install_hint; }
  std::vector<std::string_view> Relatives() const override { return product_.relatives; }

  std::vector<std::string> UsualPlaces() const override;
  std::vector<Installation> Detect(const std::vector<std::string>& places,
                                   const ServerRun& run) const override;
  bool Satisfies(std::string_view installed, std::string_view wanted) const override;
  std::string MajorVersion(std::string_view version) const override;

  std::vector<std::string_view> RefusedSettings() const override;
  std::string WhyRefused(std::string_view setting) const override;

  Command InitialiseCommand(const Launch& launch) const override;
  std::vector<SettingsFile> SettingsFiles(const Launch& launch) const override;
  Command StartCommand(const Launch& launch) const override;
  int StopSignal() const override;
  /// "Ready to accept connections" for TCP, "The server is now ready to accept connections at" for the
  /// socket.
  std::string_view ReadyLine() const override { return "eady to accept connections"; }

  Farewell TurnAway(std::string_view received, std::string_view words) const override {
    return {"-ERR " + std::string(words) + "\r\n", received.size(), true};
  }
  /// appendfsync everysec.
  bool AnswersBeforeFlush() const override { return true; }

  Credentials MakeCredentials(std::string_view database) const override;
  ConnectionStrings Connect(const Endpoint& endpoint, const Credentials& credentials,
                            std::string_view initial_database, const ClientTls& tls) const override;

  Result<std::unique_ptr<Session>> Probe(const Launch& launch) const override;
  Error ExplainExit(std::string_view log_tail, const Endpoint& endpoint) const override;

  Result<std::unique_ptr<RecognisedBackup>> Recognise(const RestoreRequest& request) const override;
  Result<FetchPlan> PlanFetch(const FetchRequest& request,
                              const std::vector<Installation>& installed) const override;
  std::vector<std::string_view> ScriptEndings() const override { return {"redis", "txt"}; }

 protected:
  explicit RedisEngine(const Product& product) : product_(product) {}

 private:
  const Product& product_;
};

}  // namespace spawnd::engines::redis
