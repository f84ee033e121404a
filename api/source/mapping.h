/// The field names of the structs in this folder, as api/mapping.h has those of the others.
#pragma once

#include "api/mapping.h"
#include "api/source/fetch.h"
#include "api/source/types.h"

namespace spawnd::api {

void Describe(auto& visit, Is<SourceConnection> auto& x) {
  visit.Field("scheme", x.scheme);
  visit.Field("host", x.host);
  visit.Field("port", x.port);
  visit.Field("user", x.user);
  visit.Field("database", x.database);
  visit.Field("sslMode", x.ssl_mode);
  visit.Field("sslRootCert", x.ssl_root_cert);
}

void Describe(auto& visit, Is<SourceRepository> auto& x) {
  visit.Field("tool", x.tool);
  visit.Field("stanza", x.stanza);
  visit.Field("path", x.path);
  visit.Field("configFile", x.config_file);
  visit.Field("backup", x.backup);
  visit.Field("at", x.at);
}

void Describe(auto& visit, Is<FetchPlanRequest> auto& x) {
  visit.Field("engine", x.engine);
  visit.Field("version", x.version);
  visit.Field("connection", x.connection);
  visit.Field("repository", x.repository);
  visit.Field("method", x.method);
  visit.Field("jobs", x.jobs);
  visit.Field("hasPassword", x.has_password);
  visit.Field("folder", x.folder);
  visit.Field("answers", x.answers);
}

void Describe(auto& visit, Is<FetchSecret> auto& x) {
  visit.Field("as", x.as);
  visit.Field("before", x.before);
  visit.Field("after", x.after);
  visit.Field("escapes", x.escapes);
}

void Describe(auto& visit, Is<FetchFailure> auto& x) {
  visit.Field("words", x.words);
  visit.Field("code", x.code);
  visit.Field("hint", x.hint);
}

void Describe(auto& visit, Is<FetchCommand> auto& x) {
  visit.Field("title", x.title);
  visit.Field("programs", x.programs);
  visit.Field("arguments", x.arguments);
  visit.Field("environment", x.environment);
  visit.Field("secret", x.secret);
  visit.Field("output", x.output);
  visit.Field("grows", x.grows);
  visit.Field("expectedBytes", x.expected_bytes);
  visit.Field("deadlineSeconds", x.deadline_seconds);
  visit.Field("failures", x.failures);
  visit.Field("installHint", x.install_hint);
}

void Describe(auto& visit, Is<FetchPlan> auto& x) {
  visit.Field("commands", x.commands);
  visit.Field("complete", x.complete);
  visit.Field("backupName", x.backup_name);
  visit.Field("backupFolder", x.backup_folder);
  visit.Field("walFolder", x.wal_folder);
  visit.Field("version", x.version);
  visit.Field("database", x.database);
  visit.Field("warnings", x.warnings);
}

void Describe(auto& visit, Is<Connection> auto& x) {
  visit.Field("host", x.host);
  visit.Field("port", x.port);
  visit.Field("user", x.user);
  visit.Field("database", x.database);
  visit.Field("passwordFile", x.password_file);
  visit.Field("passwordVariable", x.password_variable);
  visit.Field("options", x.options);
}

void Describe(auto& visit, Is<CreateDataSourceRequest> auto& x) {
  visit.Field("name", x.name);
  visit.Field("sourceType", x.source_type);
  visit.Field("engine", x.engine);
  visit.Field("version", x.version);
  visit.Field("definition", x.definition);
  visit.Field("folder", x.folder);
  visit.Field("schedule", x.schedule);
  visit.Field("keep", x.keep);
  visit.Field("connection", x.connection);
  visit.Field("maxKeptBytes", x.max_kept_bytes);
}

void Describe(auto& visit, Is<UpdateDataSourceRequest> auto& x) {
  visit.Field("name", x.name);
  visit.Field("schedule", x.schedule);
  visit.OrDefault("keep", x.keep);
  visit.Field("definition", x.definition);
  visit.Field("folder", x.folder);
}

void Describe(auto& visit, Is<DataSource> auto& x) {
  visit.Field("id", x.id);
  visit.Field("name", x.name);
  visit.Field("sourceType", x.source_type);
  visit.Field("engine", x.engine);
  visit.Field("owner", x.owner);
  visit.Field("status", x.status);
  visit.Field("detail", x.detail);
  visit.Field("schedule", x.schedule);
  visit.Field("timeZone", x.time_zone);
  visit.Field("keep", x.keep);
  visit.Time("createdAt", x.created_at);
  visit.Time("nextRunAt", x.next_run_at);
  visit.Time("lastRunAt", x.last_run_at);
  visit.Time("lastRunEndedAt", x.last_run_ended_at);
  visit.Field("lastOutcome", x.last_outcome);
  visit.Field("lastRunDetail", x.last_run_detail);
  visit.Field("lastRunCause", x.last_run_cause);
  visit.Field("runs", x.runs);
  visit.Field("failures", x.failures);
  visit.Field("skipped", x.skipped);
  visit.Time("skippedAt", x.skipped_at);
  visit.Field("lastImageId", x.last_image_id);
  visit.Field("lastImage", x.last_image);
  visit.Time("lastImageAt", x.last_image_at);
  visit.Field("lastImageNewBytes", x.last_image_new_bytes);
  visit.Field("images", x.images);
  visit.Field("imageBytes", x.image_bytes);
  visit.Field("folder", x.folder);
  visit.Field("definition", x.definition);
  visit.Field("warnings", x.warnings);
  visit.Field("connection", x.connection);
  visit.Field("slot", x.slot);
  visit.Field("lagBytes", x.lag_bytes);
  visit.Field("maxKeptBytes", x.max_kept_bytes);
  visit.Field("copiedBytes", x.copied_bytes);
  visit.Field("diskBytes", x.disk_bytes);
  visit.Field("position", x.position);
  visit.Field("serverVersion", x.server_version);
}

}  // namespace spawnd::api
