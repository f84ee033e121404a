#include "daemon/catalog/columns.h"

#include <utility>

#include "api/json_reader.h"
#include "api/json_writer.h"
#include "api/mapping.h"

namespace spawnd::daemon {
namespace {

struct StoredSettings {
  api::Settings settings;
};

void Describe(auto& visit, api::Is<StoredSettings> auto& x) {
  visit.Field("settings", x.settings);
}

struct StoredTimings {
  Timings timings;
};

void Describe(auto& visit, api::Is<StoredTimings> auto& x) {
  visit.Field("timings", x.timings);
}

}  // namespace

std::string_view DurabilityText(api::Durability durability) {
  return durability == api::Durability::kAlways ? "always" : "everysec";
}

std::string_view NetworkText(api::Network network) {
  return network == api::Network::kHost ? "host" : "none";
}

api::Network NetworkFromText(std::string_view text) {
  return text == "host" ? api::Network::kHost : api::Network::kNone;
}

api::Durability DurabilityFromText(std::string_view text) {
  return text == "always" ? api::Durability::kAlways : api::Durability::kEverySecond;
}

std::string TimingsToJson(const Timings& timings) {
  return api::JsonOf(StoredTimings{timings}, api::Empties::kKeep);
}

Timings TimingsFromJson(std::string_view json) {
  auto read = api::ReadJson<StoredTimings>(json, api::kResponseLimits, api::Strictness::kLenient, "timings");
  return read ? std::move(read->timings) : Timings();
}

std::string LinesOf(const std::vector<std::string>& texts) {
  std::string lines;
  for (const std::string& text : texts) (lines += text) += '\n';
  return lines;
}

std::vector<std::string> TextsOf(std::string_view lines) {
  std::vector<std::string> texts;
  while (!lines.empty()) {
    const size_t end = std::min(lines.find('\n'), lines.size());
    texts.emplace_back(lines.substr(0, end));
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  return texts;
}

std::string SettingsToJson(const api::Settings& settings) {
  return api::JsonOf(StoredSettings{settings}, api::Empties::kOmit);
}

api::Settings SettingsFromJson(std::string_view json) {
  auto read =
      api::ReadJson<StoredSettings>(json, api::kResponseLimits, api::Strictness::kLenient, "settings");
  return read ? std::move(read->settings) : api::Settings();
}

std::string LimitsToJson(const api::Limits& limits) {
  return api::JsonOf(limits, api::Empties::kOmit);
}

api::Limits LimitsFromJson(std::string_view json) {
  return api::ReadJson<api::Limits>(json, api::kResponseLimits, api::Strictness::kLenient, "limits")
      .value_or(api::Limits());
}

Result<int64_t> IdForInTransaction(Database& database, int64_t wanted) {
  if (wanted != 0) return wanted;
  TRY(database.Run("UPDATE counters SET value = value + 1 WHERE name = 'id'"));
  TRY_ASSIGN(Query query, database.Prepare("SELECT value FROM counters WHERE name = 'id'"));
  TRY_ASSIGN(const bool row, query.Step());
  if (!row) return Fail(ErrorCode::kCorrupt, "catalog: the counter of ids is missing");
  return query.Int();
}

Result<void> ExpectChange(Database& database, std::string_view kind, int64_t id) {
  if (database.Changed()) return {};
  return Fail(ErrorCode::kNotFound, "no " + std::string(kind) + " with id " + std::to_string(id));
}

}  // namespace spawnd::daemon
