/// The field names of every struct in api/types.h, written once: a visitor that writes JSON (json_writer.h)
/// and one that reads it (json_reader.h) walk the same list. The words of the enumerations are here too, for
/// whoever shows them. A struct of another room is described in its own namespace, the same way.
///
/// A visitor has Field(name, member), Time(name, seconds), OrDefault(name, number), which may be -1, and
/// Secret(name, text), which is there once only and else not even as an empty text. Order is the order in the
/// output.
#pragma once

#include <array>
#include <concepts>
#include <string_view>
#include <type_traits>
#include <utility>

#include "api/types.h"
#include "base/error.h"

namespace spawnd::api {

template <typename Enum>
using EnumNames = std::array<std::pair<Enum, std::string_view>,
                             std::is_same_v<Enum, Durability> || std::is_same_v<Enum, Network>  ? 2
                             : std::is_same_v<Enum, Status> || std::is_same_v<Enum, SourceType> ? 4
                             : std::is_same_v<Enum, MaskKind>                                   ? 6
                                                                                                : 3>;

inline constexpr EnumNames<SourceType> kSourceTypeNames{{{SourceType::kEmpty, "empty"},
                                                         {SourceType::kBackup, "backup"},
                                                         {SourceType::kScripts, "scripts"},
                                                         {SourceType::kStandby, "standby"}}};
inline constexpr EnumNames<Durability> kDurabilityNames{
    {{Durability::kEverySecond, "everysec"}, {Durability::kAlways, "always"}}};
inline constexpr EnumNames<Network> kNetworkNames{{{Network::kNone, "none"}, {Network::kHost, "host"}}};
inline constexpr EnumNames<Status> kStatusNames{{{Status::kPending, "Pending"},
                                                 {Status::kCompleted, "Completed"},
                                                 {Status::kFailed, "Failed"},
                                                 {Status::kStopped, "Stopped"}}};
inline constexpr EnumNames<MaskKind> kMaskKindNames{{{MaskKind::kNull, "null"},
                                                     {MaskKind::kConstant, "constant"},
                                                     {MaskKind::kHash, "hash"},
                                                     {MaskKind::kPartial, "partial"},
                                                     {MaskKind::kShuffle, "shuffle"},
                                                     {MaskKind::kSql, "sql"}}};

constexpr const EnumNames<SourceType>& NamesOf(SourceType) {
  return kSourceTypeNames;
}
constexpr const EnumNames<Durability>& NamesOf(Durability) {
  return kDurabilityNames;
}
constexpr const EnumNames<Network>& NamesOf(Network) {
  return kNetworkNames;
}
constexpr const EnumNames<Status>& NamesOf(Status) {
  return kStatusNames;
}
constexpr const EnumNames<MaskKind>& NamesOf(MaskKind) {
  return kMaskKindNames;
}

/// T or const T.
template <typename T, typename U>
concept Is = std::same_as<std::remove_const_t<T>, U>;

void Describe(auto& visit, Is<ClientFile> auto& x) {
  visit.Field("name", x.name);
  visit.Field("descriptor", x.descriptor);
  visit.Field("upload", x.upload);
}

void Describe(auto& visit, Is<Upload> auto& x) {
  visit.Field("id", x.id);
  visit.Field("name", x.name);
  visit.Field("sizeBytes", x.size_bytes);
}

void Describe(auto& visit, Is<Limits> auto& x) {
  visit.Field("memoryBytes", x.memory_bytes);
  visit.Field("cpus", x.cpus);
  visit.Field("pids", x.pids);
  visit.Field("cpuWeight", x.cpu_weight);
  visit.Field("ioWeight", x.io_weight);
}

void Describe(auto& visit, Is<ExportedImage> auto& x) {
  visit.Field("name", x.name);
  visit.Field("engine", x.engine);
  visit.Field("engineVersion", x.engine_version);
  visit.Field("version", x.version);
  visit.Field("architecture", x.architecture);
  visit.Field("durability", x.durability);
  visit.Field("tls", x.tls);
  visit.Field("superuser", x.superuser);
  visit.Field("limits", x.limits);
  visit.Field("initialDatabaseName", x.initial_database_name);
  visit.Field("database", x.database);
  visit.Field("dataBytes", x.data_bytes);
  visit.Field("libraries", x.libraries);
  visit.Field("settings", x.settings);
  visit.Field("maskDigest", x.mask_digest);
}

void Describe(auto& visit, Is<Import> auto& x) {
  visit.Field("id", x.id);
  visit.Field("name", x.name);
  visit.Field("engine", x.engine);
  visit.Field("engineVersion", x.engine_version);
  visit.Field("offset", x.offset);
  visit.Field("sizeBytes", x.size_bytes);
  visit.Field("complete", x.complete);
}

void Describe(auto& visit, Is<ImportDataImageRequest> auto& x) {
  visit.Field("import", x.import);
  visit.Field("name", x.name);
  visit.Field("tags", x.tags);
  visit.Field("teams", x.teams);
  visit.Field("lifetimeSeconds", x.lifetime_seconds);
}

void Describe(auto& visit, Is<Usage> auto& x) {
  visit.Field("memoryBytes", x.memory_bytes);
  visit.Field("memoryPeakBytes", x.memory_peak_bytes);
  visit.Field("pids", x.pids);
  visit.Field("cpuSeconds", x.cpu_seconds);
  visit.Field("oomKills", x.oom_kills);
}

void Describe(auto& visit, Is<Confinement> auto& x) {
  visit.Field("user", x.user);
  visit.Field("userId", x.user_id);
  visit.Field("limits", x.limits);
  visit.Field("oomScore", x.oom_score);
  visit.Field("ioFlusher", x.io_flusher);
}

void Describe(auto& visit, Is<RestoreOptions> auto& x) {
  visit.Field("locale", x.locale);
  visit.Field("encoding", x.encoding);
  visit.Field("continueOnError", x.continue_on_error);
  visit.Field("ignoredErrors", x.ignored_errors);
  visit.Field("skipExtensions", x.skip_extensions);
  visit.Field("tables", x.tables);
  visit.Field("excludeTables", x.exclude_tables);
  visit.Field("excludeData", x.exclude_data);
  visit.Field("schemaOnly", x.schema_only);
  visit.Field("at", x.at);
}

void Describe(auto& visit, Is<MaskRule> auto& x) {
  visit.Field("database", x.database);
  visit.Field("table", x.table);
  visit.Field("column", x.column);
  visit.Field("rule", x.rule);
  visit.Field("value", x.value);
  visit.Field("keepFirst", x.keep_first);
  visit.Field("keepLast", x.keep_last);
  visit.Field("with", x.with);
  visit.Field("expression", x.expression);
  visit.Field("where", x.where);
  visit.Field("line", x.line);
}

void Describe(auto& visit, Is<CreateDataImageRequest> auto& x) {
  visit.Field("name", x.name);
  visit.Field("sourceType", x.source_type);
  visit.Field("engine", x.engine);
  visit.Field("version", x.version);
  visit.Field("tags", x.tags);
  visit.Field("teams", x.teams);
  visit.Field("lifetimeSeconds", x.lifetime_seconds);
  visit.Field("durability", x.durability);
  visit.Field("network", x.network);
  visit.Field("tls", x.tls);
  visit.Field("superuser", x.superuser);
  visit.Field("limits", x.limits);
  visit.Field("initialDatabaseName", x.initial_database_name);
  visit.Field("backups", x.backups);
  visit.Field("scriptsFolders", x.scripts_folders);
  visit.Field("walFolders", x.wal_folders);
  visit.Field("preScript", x.pre_script);
  visit.Field("postScript", x.post_script);
  visit.Field("settings", x.settings);
  visit.Field("restore", x.restore);
  visit.Field("warm", x.warm);
  visit.Field("sleepAfterSeconds", x.sleep_after_seconds);
  visit.Field("source", x.source);
  visit.Field("mask", x.mask);
}

void Describe(auto& visit, Is<CreateDataContainerRequest> auto& x) {
  visit.Field("image", x.image);
  visit.Field("name", x.name);
  visit.Field("lifetimeSeconds", x.lifetime_seconds);
  visit.Field("durability", x.durability);
  visit.Field("superuser", x.superuser);
  visit.Field("limits", x.limits);
  visit.Field("settings", x.settings);
  visit.Field("noWait", x.no_wait);
  visit.Field("endsWithClient", x.ends_with_client);
  visit.Field("spare", x.spare);
  visit.Field("sleepAfterSeconds", x.sleep_after_seconds);
  visit.Field("idleDeleteSeconds", x.idle_delete_seconds);
}

void Describe(auto& visit, Is<LoadDataContainerRequest> auto& x) {
  visit.Field("revision", x.revision);
}

void Describe(auto& visit, Is<GraduateDataContainerRequest> auto& x) {
  visit.Field("revision", x.revision);
  visit.Field("name", x.name);
  visit.Field("tags", x.tags);
  visit.Field("teams", x.teams);
}

void Describe(auto& visit, Is<UpdateDataImageRequest> auto& x) {
  visit.Field("name", x.name);
  visit.Field("tags", x.tags);
  visit.Field("teams", x.teams);
  visit.Field("removeTags", x.remove_tags);
  visit.Field("removeTeams", x.remove_teams);
  visit.Field("lifetimeSeconds", x.lifetime_seconds);
  visit.OrDefault("warm", x.warm);
  visit.OrDefault("sleepAfterSeconds", x.sleep_after_seconds);
}

void Describe(auto& visit, Is<UpdateDataContainerRequest> auto& x) {
  visit.Field("name", x.name);
  visit.Field("lifetimeSeconds", x.lifetime_seconds);
  visit.Field("owner", x.owner);
  visit.OrDefault("sleepAfterSeconds", x.sleep_after_seconds);
  visit.Field("idleDeleteSeconds", x.idle_delete_seconds);
}

void Describe(auto& /*visit*/, Is<NothingRequest> auto& /*x*/) {}

void Describe(auto& visit, Is<CreateAccessTokenRequest> auto& x) {
  visit.Field("purpose", x.purpose);
  visit.Field("lifetimeSeconds", x.lifetime_seconds);
  visit.Field("readOnly", x.read_only);
  visit.Field("images", x.images);
}

void Describe(auto& visit, Is<AccessToken> auto& x) {
  visit.Field("id", x.id);
  visit.Field("purpose", x.purpose);
  visit.Field("owner", x.owner);
  visit.Time("createdAt", x.created_at);
  visit.Time("lastUsedAt", x.last_used_at);
  visit.Time("expiresAt", x.expires_at);
  visit.Field("readOnly", x.read_only);
  visit.Field("images", x.images);
  visit.Secret("token", x.token);
}

void Describe(auto& visit, Is<Deleted> auto& x) {
  visit.Field("id", x.id);
  visit.Field("name", x.name);
}

void Describe(auto& visit, Is<Revision> auto& x) {
  visit.Field("name", x.name);
  visit.Time("createdAt", x.created_at);
  visit.Field("uniqueBytes", x.unique_bytes);
}

void Describe(auto& visit, Is<Library> auto& x) {
  visit.Field("name", x.name);
  visit.Field("version", x.version);
  visit.Field("file", x.file);
}

void Describe(auto& visit, Is<DataImage> auto& x) {
  visit.Field("id", x.id);
  visit.Field("name", x.name);
  visit.Field("tags", x.tags);
  visit.Field("teams", x.teams);
  visit.Field("engine", x.engine);
  visit.Field("version", x.engine_version);
  visit.Field("versionText", x.version_text);
  visit.Field("status", x.status);
  visit.Field("detail", x.detail);
  visit.Field("owner", x.owner);
  visit.Field("durability", x.durability);
  visit.Field("network", x.network);
  visit.Field("tls", x.tls);
  visit.Field("superuser", x.superuser);
  visit.Field("database", x.database);
  visit.Time("createdAt", x.created_at);
  visit.Time("expiresAt", x.expires_at);
  visit.Field("dataBytes", x.data_bytes);
  visit.Field("diskBytes", x.disk_bytes);
  visit.Field("uniqueBytes", x.unique_bytes);
  visit.Field("sharedBytes", x.shared_bytes);
  visit.Field("limits", x.limits);
  visit.Field("warnings", x.warnings);
  visit.Field("libraries", x.libraries);
  visit.Field("settings", x.settings);
  visit.Field("warm", x.warm);
  visit.Field("pooled", x.pooled);
  visit.Field("sleepAfterSeconds", x.sleep_after_seconds);
  visit.Field("sourceId", x.source_id);
  visit.Field("masked", x.masked);
  visit.Field("maskDigest", x.mask_digest);
}

// Behind the others, and of names that do not end in one of theirs: scripts search YAML for "port:".
void DescribeUse(auto& visit, auto& x) {
  visit.Field("environment", x.environment);
  visit.Field("clientCommand", x.client_command);
  visit.Field("clientHint", x.client_hint);
  visit.Field("defaultPortNumber", x.default_port);
  visit.Field("caCertificate", x.ca_certificate);
  visit.Field("spawndRunning", x.spawnd_running);
  visit.Field("serverInstalled", x.server_installed);
  visit.Field("outdated", x.outdated);
  visit.Field("missing", x.missing);
  visit.Field("settings", x.settings);
  visit.Field("start", x.start);
  visit.Field("spare", x.spare);
  visit.Field("listen", x.listen);
  visit.Field("sleepAfterSeconds", x.sleep_after_seconds);
  visit.Field("idleDeleteSeconds", x.idle_delete_seconds);
}

void Describe(auto& visit, Is<DataContainer> auto& x) {
  visit.Field("id", x.id);
  visit.Field("name", x.name);
  visit.Field("image", x.image);
  visit.Field("imageId", x.image_id);
  visit.Field("engine", x.engine);
  visit.Field("version", x.engine_version);
  visit.Field("versionText", x.version_text);
  visit.Field("status", x.status);
  visit.Field("state", x.state);
  visit.Field("detail", x.detail);
  visit.Field("revision", x.revision);
  visit.Field("owner", x.owner);
  visit.Field("durability", x.durability);
  visit.Field("network", x.network);
  visit.Field("superuser", x.superuser);
  visit.Field("host", x.host);
  visit.Field("port", x.port);
  visit.Field("user", x.user);
  visit.Field("password", x.password);
  visit.Field("database", x.database);
  visit.Field("connectionString", x.connection_string);
  visit.Field("jdbcConnectionString", x.jdbc_connection_string);
  visit.Field("url", x.url);
  visit.Time("createdAt", x.created_at);
  visit.Time("expiresAt", x.expires_at);
  visit.Field("diskBytes", x.disk_bytes);
  visit.Field("uniqueBytes", x.unique_bytes);
  visit.Field("sharedBytes", x.shared_bytes);
  visit.Field("readyMilliseconds", x.ready_milliseconds);
  visit.Field("timings", x.timings);
  visit.Field("limits", x.limits);
  visit.Field("usage", x.usage);
  visit.Field("confinement", x.confinement);
  visit.Field("warnings", x.warnings);
  visit.Field("revisions", x.revisions);
  DescribeUse(visit, x);
}

void Describe(auto& visit, Is<CaCertificate> auto& x) {
  visit.Field("path", x.path);
  visit.Field("certificate", x.certificate);
}

void Describe(auto& visit, Is<Engine> auto& x) {
  visit.Field("engine", x.engine);
  visit.Field("name", x.name);
  visit.Field("version", x.version);
  visit.Field("path", x.path);
  visit.Field("usable", x.usable);
  visit.Field("problem", x.problem);
  visit.Field("hint", x.hint);
  visit.Field("aliases", x.aliases);
  visit.Field("defaultPort", x.default_port);
}

void Describe(auto& visit, Is<Diagnosis> auto& x) {
  visit.Field("subject", x.subject);
  visit.Field("level", x.level);
  visit.Field("text", x.text);
  visit.Field("remedy", x.remedy);
}

void Describe(auto& visit, Is<Version> auto& x) {
  visit.Field("version", x.version);
  visit.Field("apiVersion", x.api_version);
  visit.Field("gitCommit", x.git_commit);
}

void Describe(auto& visit, Is<Quotas> auto& x) {
  visit.Field("connections", x.connections);
  visit.Field("builds", x.builds);
  visit.Field("launches", x.launches);
  visit.Field("containers", x.containers);
  visit.Field("diskBytes", x.disk_bytes);
}

void Describe(auto& visit, Is<WhoAmI> auto& x) {
  visit.Field("user", x.user);
  visit.Field("uid", x.uid);
  visit.Field("quotas", x.quotas);
  visit.Field("usage", x.usage);
}

void Describe(auto& visit, Is<EventActor> auto& x) {
  visit.Field("uid", x.uid);
  visit.Field("user", x.user);
  visit.Field("tokenId", x.token_id);
}

void Describe(auto& visit, Is<Event> auto& x) {
  visit.Field("id", x.id);
  visit.Field("time", x.time);
  visit.Field("type", x.type);
  visit.Field("event", x.event);
  visit.Field("resourceId", x.resource_id);
  visit.Field("name", x.name);
  visit.Field("owner", x.owner);
  visit.Field("image", x.image);
  visit.Field("imageId", x.image_id);
  visit.Field("tags", x.tags);
  visit.Field("teams", x.teams);
  visit.Field("revision", x.revision);
  visit.Field("containerId", x.container_id);
  visit.Field("actor", x.actor);
  visit.Field("detail", x.detail);
}

void Describe(auto& visit, Is<MissedEvents> auto& x) {
  visit.Field("event", x.event);
  visit.Field("from", x.from);
  visit.Field("to", x.to);
}

void Describe(auto& visit, Is<Progress> auto& x) {
  visit.Field("stage", x.stage);
  visit.Field("bytesDone", x.bytes_done);
  visit.Field("bytesTotal", x.bytes_total);
  visit.Field("message", x.message);
  visit.Field("note", x.note);
}

}  // namespace spawnd::api

namespace spawnd {

void Describe(auto& visit, api::Is<Error> auto& x) {
  visit.Field("code", x.code);
  visit.Field("message", x.message);
  visit.Field("hint", x.hint);
}

}  // namespace spawnd
