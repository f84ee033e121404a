/// The columns of the catalog's tables, each written once: what is selected, what is inserted and what is
/// read are all these lists. And how a value stands in its column: words rather than an enum's numbers, which
/// may change with the code. For the tables of daemon/catalog only; no state of their own.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "daemon/catalog/database.h"
#include "daemon/catalog/rows.h"

namespace spawnd::daemon {

/// `row` may be const; `visit(name, member)` is called for each column.
template <typename Row, typename Wanted>
concept RowOf = std::same_as<std::remove_const_t<Row>, Wanted>;

template <typename Visit, RowOf<ImageRow> Row>
void Columns(Visit&& visit, Row& row) {
  visit("id", row.id);
  visit("name", row.name);
  visit("state", row.state);
  visit("engine", row.engine);
  visit("engine_version", row.engine_version);
  visit("version_text", row.version_text);
  visit("owner", row.owner);
  visit("durability", row.durability);
  visit("network", row.network);
  visit("tls", row.tls);
  visit("superuser", row.superuser);
  visit("limits", row.limits);
  visit("initial_database", row.initial_database);
  visit("database_name", row.database);
  visit("created_at", row.created_at);
  visit("expires_at", row.expires_at);
  visit("data_bytes", row.data_bytes);
  visit("disk_bytes", row.disk_bytes);
  visit("index_file", row.index_file);
  visit("cache_key", row.cache_key);
  visit("detail", row.detail);
  visit("libraries", row.libraries);
  visit("settings", row.settings);
  visit("warm", row.warm);
  visit("sleep_after", row.sleep_after);
  visit("used_at", row.used_at);
  visit("source_id", row.source_id);
  visit("source_run", row.source_run);
  visit("mask_digest", row.mask_digest);
}

template <typename Visit, RowOf<ContainerRow> Row>
void Columns(Visit&& visit, Row& row) {
  visit("id", row.id);
  visit("name", row.name);
  visit("image_id", row.image_id);
  visit("image_reference", row.image_reference);
  visit("state", row.state);
  visit("stays_down", row.stays_down);
  visit("stopped", row.stopped);
  visit("revert_to", row.revert_to);
  visit("revision", row.revision);
  visit("host", row.host);
  visit("port", row.port);
  visit("user_name", row.user);
  visit("password", row.password);
  visit("database_name", row.database);
  visit("owner", row.owner);
  visit("durability", row.durability);
  visit("network", row.network);
  visit("superuser", row.superuser);
  visit("limits", row.limits);
  visit("created_at", row.created_at);
  visit("expires_at", row.expires_at);
  visit("ready_milliseconds", row.ready_milliseconds);
  visit("timings", row.timings);
  visit("detail", row.detail);
  visit("installation_root", row.installation_root);
  visit("installation_version", row.installation_version);
  visit("settings", row.settings);
  visit("client", row.client);
  visit("also_listen", row.also_listen);
  visit("asleep", row.asleep);
  visit("pooled", row.pooled);
  visit("started_ahead", row.started_ahead);
  visit("sleep_after", row.sleep_after);
  visit("idle_delete", row.idle_delete);
  visit("spare", row.spare);
  visit("volume", row.volume);
}

template <typename Visit, RowOf<SourceRow> Row>
void Columns(Visit&& visit, Row& row) {
  visit("id", row.id);
  visit("name", row.name);
  visit("owner", row.owner);
  visit("source_type", row.source_type);
  visit("engine", row.engine);
  visit("version_text", row.version_text);
  visit("definition", row.definition);
  visit("folder", row.folder);
  visit("schedule", row.schedule);
  visit("keep", row.keep);
  visit("created_at", row.created_at);
  visit("deleting", row.deleting);
  visit("next_run", row.next_run);
  visit("run_outcome", row.run_outcome);
  visit("run_cause", row.run_cause);
  visit("run_started", row.run_started);
  visit("run_ended", row.run_ended);
  visit("run_detail", row.run_detail);
  visit("run_process", row.run_process);
  visit("runs", row.runs);
  visit("failures", row.failures);
  visit("skipped", row.skipped);
  visit("skipped_at", row.skipped_at);
  visit("state", row.state);
  visit("detail", row.detail);
  visit("connection", row.connection);
  visit("max_kept_bytes", row.max_kept_bytes);
  visit("slot", row.slot);
  visit("base_image_id", row.base_image_id);
  visit("lag_bytes", row.lag_bytes);
  visit("copied_bytes", row.copied_bytes);
  visit("position", row.position);
  visit("server_version", row.server_version);
  visit("server_identity", row.server_identity);
}

template <typename Visit, RowOf<RevisionRow> Row>
void Columns(Visit&& visit, Row& row) {
  visit("number", row.number);
  visit("created_at", row.created_at);
  visit("unique_bytes", row.unique_bytes);
  visit("volume", row.volume);
}

template <typename Visit, RowOf<TokenRow> Row>
void Columns(Visit&& visit, Row& row) {
  visit("id", row.id);
  visit("hash", row.hash);
  visit("purpose", row.purpose);
  visit("owner", row.owner);
  visit("created_at", row.created_at);
  visit("last_used_at", row.last_used_at);
  visit("expires_at", row.expires_at);
  visit("read_only", row.read_only);
  visit("images", row.images);
}

/// The end of an UPDATE that completes a row, of images and of containers. Binds when that is: a lifetime
/// counts from there, and not from when somebody began to make it.
inline constexpr std::string_view kBeginLifetime =
    "expires_at = CASE expires_at WHEN 0 THEN 0 ELSE expires_at - created_at + ? END";

std::string_view DurabilityText(api::Durability durability);
api::Durability DurabilityFromText(std::string_view text);
std::string_view NetworkText(api::Network network);
api::Network NetworkFromText(std::string_view text);
/// {"timings":{"keeper":6.1,"volume":0.8}}, in the order in which they happened.
std::string TimingsToJson(const Timings& timings);
/// Timings are for display only: what cannot be read is left out.
Timings TimingsFromJson(std::string_view json);
/// A line for each; none has a line break in it.
std::string LinesOf(const std::vector<std::string>& texts);
std::vector<std::string> TextsOf(std::string_view lines);

/// {"settings":{"max_connections":"200"}}
std::string SettingsToJson(const api::Settings& settings);
/// What cannot be read is none.
api::Settings SettingsFromJson(std::string_view json);
/// {"memoryBytes":536870912}: what is not said is left out.
std::string LimitsToJson(const api::Limits& limits);
/// What cannot be read is no limit of this row's own; those of the machine stay.
api::Limits LimitsFromJson(std::string_view json);

template <typename T>
void BindColumn(Query& query, const T& value) {
  if constexpr (std::integral<T>) {
    query.Bind(static_cast<int64_t>(value));
  } else if constexpr (std::same_as<T, std::optional<uint32_t>>) {
    query.Bind(value ? std::optional<int64_t>(*value) : std::nullopt);
  } else if constexpr (std::same_as<T, ImageState>) {
    query.Bind(ImageStateName(value));
  } else if constexpr (std::same_as<T, ContainerState>) {
    query.Bind(ContainerStateName(value));
  } else if constexpr (std::same_as<T, api::Durability>) {
    query.Bind(DurabilityText(value));
  } else if constexpr (std::same_as<T, api::Network>) {
    query.Bind(NetworkText(value));
  } else if constexpr (std::same_as<T, std::optional<api::Network>>) {
    query.Bind(value ? NetworkText(*value) : "");
  } else if constexpr (std::same_as<T, Timings>) {
    query.Bind(TimingsToJson(value));
  } else if constexpr (std::same_as<T, std::vector<std::string>>) {
    query.Bind(LinesOf(value));
  } else if constexpr (std::same_as<T, api::Limits>) {
    query.Bind(LimitsToJson(value));
  } else if constexpr (std::same_as<T, api::Settings>) {
    query.Bind(SettingsToJson(value));
  } else {
    query.Bind(value);
  }
}

template <typename T>
void ReadColumn(Query& query, T& value) {
  if constexpr (std::integral<T>) {
    value = static_cast<T>(query.Int());
  } else if constexpr (std::same_as<T, std::optional<uint32_t>>) {
    const auto number = query.OptionalInt();
    value = number ? std::optional(static_cast<uint32_t>(*number)) : std::nullopt;
  } else if constexpr (std::same_as<T, ImageState>) {
    value = ImageStateFromName(query.Text());
  } else if constexpr (std::same_as<T, ContainerState>) {
    value = ContainerStateFromName(query.Text());
  } else if constexpr (std::same_as<T, api::Durability>) {
    value = DurabilityFromText(query.Text());
  } else if constexpr (std::same_as<T, api::Network>) {
    value = NetworkFromText(query.Text());
  } else if constexpr (std::same_as<T, std::optional<api::Network>>) {
    const std::string text = query.Text();
    value = text.empty() ? std::nullopt : std::optional(NetworkFromText(text));
  } else if constexpr (std::same_as<T, Timings>) {
    value = TimingsFromJson(query.Text());
  } else if constexpr (std::same_as<T, std::vector<std::string>>) {
    value = TextsOf(query.Text());
  } else if constexpr (std::same_as<T, api::Limits>) {
    value = LimitsFromJson(query.Text());
  } else if constexpr (std::same_as<T, api::Settings>) {
    value = SettingsFromJson(query.Text());
  } else if constexpr (std::same_as<T, double>) {
    value = query.Real();
  } else {
    value = query.Text();
  }
}

template <typename Row>
std::string ColumnNames() {
  std::string names;
  const Row row;
  Columns([&names](std::string_view name, const auto&) { (names += names.empty() ? "" : ", ") += name; },
          row);
  return names;
}

template <typename Row>
Result<void> InsertRowInTransaction(Database& database, std::string_view table, const Row& row) {
  static const std::string columns = ColumnNames<Row>();
  std::string marks;
  Columns([&marks](std::string_view, const auto&) { marks += marks.empty() ? "?" : ",?"; }, row);
  TRY_ASSIGN(Query query, database.Prepare("INSERT INTO " + std::string(table) + " (" + columns +
                                           ") VALUES (" + marks + ")"));
  Columns([&query](std::string_view, const auto& value) { BindColumn(query, value); }, row);
  return query.Run();
}

/// A query of whole rows: `rest` begins with FROM.
template <typename Row>
Result<Query> SelectRows(Database& database, std::string_view rest) {
  static const std::string select = "SELECT " + ColumnNames<Row>() + " ";
  return database.Prepare(select + std::string(rest));
}

/// The present row of a query that SelectRows made.
template <typename Row>
Row ReadRow(Query& query) {
  Row row;
  Columns([&query](std::string_view, auto& value) { ReadColumn(query, value); }, row);
  return row;
}

template <typename Row>
Result<std::vector<Row>> ReadRows(Query& query) {
  std::vector<Row> rows;
  while (true) {
    TRY_ASSIGN(const bool there, query.Step());
    if (!there) return rows;
    rows.push_back(ReadRow<Row>(query));
  }
}

/// The next number of the one sequence, or `wanted` unless that is 0.
Result<int64_t> IdForInTransaction(Database& database, int64_t wanted);
/// Checks that the last statement changed a row; kNotFound when it found none.
Result<void> ExpectChange(Database& database, std::string_view kind, int64_t id);
/// The first column of every row of a query with one parameter.
template <typename T>
Result<std::vector<int64_t>> Numbers(Database& database, std::string_view sql, const T& parameter) {
  TRY_ASSIGN(Query query, database.Prepare(sql));
  BindColumn(query, parameter);
  std::vector<int64_t> numbers;
  while (true) {
    TRY_ASSIGN(const bool row, query.Step());
    if (!row) return numbers;
    numbers.push_back(query.Int());
  }
}

}  // namespace spawnd::daemon
