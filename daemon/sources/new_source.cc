#include "daemon/sources/new_source.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "api/image_reference.h"
#include "api/json.h"
#include "api/resource_limits.h"
#include "daemon/sources/cron.h"
#include "daemon/sources/definition.h"
#include "engines/registry.h"

namespace spawnd::daemon {
namespace {

constexpr std::array<std::string_view, 5> kTypes{"backup", "scripts", "server", "repository", "standby"};
constexpr std::string_view kStandby = "standby";
/// What a server keeps for a standby that is away, when nobody says.
constexpr int64_t kDefaultMaxKeptBytes = int64_t{16} << 30;
constexpr int64_t kMaxKeep = 100'000;

Result<void> CheckFolder(const std::string& folder) {
  if (folder.starts_with('/') && folder.find('\0') == std::string::npos) return {};
  return Fail(ErrorCode::kInvalidArgument, "the folder of the data source's YAML is no absolute path");
}

Result<int64_t> CheckKeep(int64_t keep) {
  if (keep >= 1 && keep <= kMaxKeep) return keep;
  return Fail(ErrorCode::kInvalidArgument,
              "'keep' is " + std::to_string(keep) + ", and one image has to stay",
              "So many of the newest images of the source stay: 1, 2, 3 ...; without it all do.");
}

Result<void> CheckSchedule(const std::string& schedule) {
  if (schedule.empty()) return {};
  TRY(CronSchedule::Parse(schedule));
  return {};
}

Result<void> ReadStandby(const api::CreateDataSourceRequest& wanted, const engines::Engine& engine,
                         SourceRow& row) {
  TRY(RecipeOf(engine));
  if (!wanted.connection) {
    return Fail(ErrorCode::kInvalidArgument, "sourceType is standby, but not of which server",
                "Add 'connection:' with 'host:', 'port:' and 'user:' under it.");
  }
  if (!wanted.connection->password_variable.empty()) {
    return Fail(
        ErrorCode::kInvalidArgument,
        "a standby goes on when nobody is there: its password cannot be in an environment variable",
        "Write `passwordFile:` with a file that only you can read, or leave it to the product's own file.");
  }
  row.max_kept_bytes = wanted.max_kept_bytes.value_or(kDefaultMaxKeptBytes);
  TRY(api::CheckKeptLog(row.max_kept_bytes));
  row.connection = api::ToJson(*wanted.connection);
  row.state = kStandbyCopying;
  return {};
}

}  // namespace

Result<const engines::StandbyRecipe*> RecipeOf(const engines::Engine& engine) {
  const engines::StandbyRecipe* recipe = engine.Standby();
  if (recipe != nullptr) return recipe;
  return Fail(ErrorCode::kUnsupported,
              std::string(engine.DisplayName()) + " servers cannot be followed by a standby",
              "Use `sourceType: server`.");
}

Result<SourceRow> RowOf(const api::CreateDataSourceRequest& wanted) {
  TRY(api::ValidateName(wanted.name, "data source"));
  if (std::find(kTypes.begin(), kTypes.end(), wanted.source_type) == kTypes.end()) {
    return Fail(ErrorCode::kInvalidArgument,
                "a data source cannot be of sourceType '" + wanted.source_type + "'",
                "It is one of backup, scripts, server, repository, standby.");
  }
  if (wanted.engine.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "the engine of data source '" + wanted.name + "' is missing",
                "'spawnctl get engines' lists them.");
  }
  TRY_ASSIGN(const engines::Engine* engine, engines::FindEngine(wanted.engine));
  TRY(CheckFolder(wanted.folder));
  TRY(CheckHoldsNoSecret(wanted.definition));
  TRY(CheckSchedule(wanted.schedule));
  SourceRow row;
  row.name = wanted.name;
  row.source_type = wanted.source_type;
  row.engine = engine->Name();
  row.version_text = wanted.version;
  row.definition = wanted.definition;
  row.folder = wanted.folder;
  row.schedule = wanted.schedule;
  if (wanted.keep) {
    TRY_ASSIGN(row.keep, CheckKeep(*wanted.keep));
  }
  if (!wanted.schedule.empty()) TRY(CheckNeedsNoEnvironment(wanted.definition));
  if (wanted.source_type == kStandby) {
    TRY(ReadStandby(wanted, *engine, row));
  } else if (wanted.connection || wanted.max_kept_bytes) {
    return Fail(ErrorCode::kInvalidArgument, "'connection' and 'maxKeptBytes' are a standby's");
  }
  return row;
}

Result<SourceChange> ChangeOf(const api::UpdateDataSourceRequest& wanted, const SourceRow& before) {
  SourceChange change;
  if (!wanted.name.empty()) TRY(api::ValidateName(wanted.name, "data source"));
  change.name = wanted.name;
  if (wanted.schedule) TRY(CheckSchedule(*wanted.schedule));
  change.schedule = wanted.schedule;
  if (wanted.keep && *wanted.keep == -1) {
    change.keep = 0;
  } else if (wanted.keep) {
    TRY_ASSIGN(change.keep, CheckKeep(*wanted.keep));
  }
  const std::string& definition = wanted.definition.empty() ? before.definition : wanted.definition;
  if (!wanted.schedule.value_or(before.schedule).empty()) TRY(CheckNeedsNoEnvironment(definition));
  if (wanted.definition.empty()) return change;
  if (!before.state.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "what a standby follows cannot be changed",
                "Its schedule, `keep` and name can. Make another data source of the file.");
  }
  TRY(CheckFolder(wanted.folder));
  TRY(CheckHoldsNoSecret(wanted.definition));
  change.definition = wanted.definition;
  change.folder = wanted.folder;
  return change;
}

std::string NowInWords(int64_t now) {
  const std::time_t time = now;
  std::tm local{};
  std::array<char, 64> text{};
  if (::localtime_r(&time, &local) == nullptr) return std::to_string(now);
  const size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S %Z", &local);
  return {text.data(), size};
}

}  // namespace spawnd::daemon
