#include "engines/registry.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/text.h"
#include "engines/mariadb/mariadb_engine.h"
#include "engines/mssql/mssql_engine.h"
#include "engines/mysql/mysql_engine.h"
#include "engines/postgresql/postgresql_engine.h"
#include "engines/redis/redis_engine.h"
#include "engines/valkey/valkey_engine.h"
#include "engines/version.h"

namespace spawnd::engines {
namespace {

bool IsCalled(const Engine& engine, std::string_view name) {
  const auto aliases = engine.Aliases();
  return SameInAnyCase(engine.Name(), name) ||
         std::any_of(aliases.begin(), aliases.end(), [&](auto alias) { return SameInAnyCase(alias, name); });
}

bool Usable(const Engine& engine, const Installation& one) {
  return one.engine == engine.Name() && one.problem.empty();
}

/// "17.10, 15.20": each version once, in the order they come.
std::string VersionsOf(const Engine& engine, std::span<const Installation> installed) {
  std::vector<std::string_view> versions;
  for (const Installation& one : installed) {
    if (!Usable(engine, one)) continue;
    if (std::find(versions.begin(), versions.end(), one.version) == versions.end()) {
      versions.push_back(one.version);
    }
  }
  std::string text;
  for (const std::string_view version : versions) text.append(text.empty() ? "" : ", ").append(version);
  return text;
}

/// "; the one in '/opt/x' cannot be used: no library"; those whose version is unknown may be what is wanted.
std::string BrokenOnes(const Engine& engine, std::span<const Installation> installed,
                       std::string_view wanted) {
  std::string text;
  for (const Installation& one : installed) {
    if (one.engine != engine.Name() || one.problem.empty()) continue;
    if (!wanted.empty() && !one.version.empty() && !engine.Satisfies(one.version, wanted)) continue;
    text += "; the one in '" + one.root + "' cannot be used: " + one.problem;
  }
  return text;
}

/// Those of which nobody can say whether they are what is wanted.
const Installation* UnansweredOne(const Engine& engine, std::span<const Installation> installed) {
  const auto found = std::find_if(installed.begin(), installed.end(), [&engine](const Installation& one) {
    return one.engine == engine.Name() && one.unanswered;
  });
  return found == installed.end() ? nullptr : &*found;
}

/// Neither yes nor no: that it could not be asked says nothing of it.
Error NotYetKnown(const Engine& engine, const Installation& one, std::span<const Installation> installed,
                  std::string_view wanted) {
  const std::string product(engine.DisplayName());
  const std::string versions = VersionsOf(engine, installed);
  std::string hint = "It is asked again until it answers: try again.";
  if (wanted.empty() && !versions.empty()) hint += " Or name a version that is known: " + versions + ".";
  return {ErrorCode::kNotReady,
          "it is not known yet whether " + product + (wanted.empty() ? "" : " " + std::string(wanted)) +
              " is installed: " + one.problem,
          hint};
}

/// Names what is there in place of an engine that is not.
std::string RelativesHint(const Engine& engine, std::span<const Installation> installed) {
  if (!VersionsOf(engine, installed).empty()) return {};
  for (const std::string_view name : engine.Relatives()) {
    const auto relative = FindEngine(name);
    if (!relative) continue;
    const std::string versions = VersionsOf(**relative, installed);
    if (versions.empty()) continue;
    const std::string text(name);
    return " " + std::string((*relative)->DisplayName()) + " " + versions +
           " is installed: ask for it with `engine: " + text +
           "`, or let it stand in with `engineFallbacks: {" + std::string(engine.Name()) + ": " + text +
           "}` in spawnd.yaml.";
  }
  return {};
}

/// Products that were found as another engine's until they had one of their own, under which their data is
/// still known: `engine`, and then the one that has them now.
constexpr std::array<std::pair<std::string_view, std::string_view>, 1> kOnceFoundAs{{{"redis", "valkey"}}};

}  // namespace

std::span<const Engine* const> AllEngines() {
  static const postgresql::PostgresqlEngine postgresql;
  static const redis::RedisEngine redis;
  static const mariadb::MariadbEngine mariadb;
  static const mysql::MysqlEngine mysql;
  static const mssql::MssqlEngine mssql;
  static const valkey::ValkeyEngine valkey;
  // New ones go to the end: the ids of built-in images count on the place (daemon/images/builtin.cc).
  static const auto engines =
      std::to_array<const Engine*>({&postgresql, &mariadb, &mysql, &redis, &mssql, &valkey});
  return engines;
}

Result<const Engine*> FindEngine(std::string_view name) {
  std::string known;
  for (const Engine* engine : AllEngines()) {
    if (IsCalled(*engine, name)) return engine;
    known.append(known.empty() ? "" : ", ").append(engine->Name());
  }
  return Fail(ErrorCode::kUnsupported, "engine '" + std::string(name) + "' is not known",
              "The engines here are: " + known + ".");
}

Result<Installation> ChooseInstallation(const Engine& engine, std::span<const Installation> installed,
                                        std::string_view wanted) {
  // Detect() sorts newest first, but a caller may have put several lists together.
  const Installation* best = nullptr;
  for (const Installation& one : installed) {
    if (!Usable(engine, one)) continue;
    if (!wanted.empty() && !engine.Satisfies(one.version, wanted)) continue;
    if (best == nullptr || VersionLess(best->version, one.version)) best = &one;
  }
  const Installation* unanswered = UnansweredOne(engine, installed);
  // The newest is not known either as long as one could be newer.
  if (unanswered != nullptr && (best == nullptr || wanted.empty())) {
    return Fail(NotYetKnown(engine, *unanswered, installed, wanted));
  }
  if (best != nullptr) return *best;
  const std::string versions = VersionsOf(engine, installed);
  const std::string product(engine.DisplayName());
  std::string message = product + (wanted.empty() ? "" : " " + std::string(wanted)) + " is not installed (";
  message += versions.empty() ? "no version of it is" : "installed: " + versions;
  message += BrokenOnes(engine, installed, wanted) + ")";
  return Fail(ErrorCode::kUnsupported, message,
              std::string(engine.InstallHint()) + RelativesHint(engine, installed));
}

Result<Installation> ChooseForData(const Engine& engine, std::span<const Installation> installed,
                                   std::string_view version) {
  auto chosen = ChooseInstallation(engine, installed, engine.MajorVersion(version));
  if (chosen || chosen.error().code != ErrorCode::kUnsupported) return chosen;
  for (const auto& [name, now] : kOnceFoundAs) {
    if (engine.Name() != name) continue;
    TRY_ASSIGN(const Engine* other, FindEngine(now));
    auto found = ChooseInstallation(*other, installed, other->MajorVersion(version));
    if (found) return found;
  }
  return chosen;
}

}  // namespace spawnd::engines
