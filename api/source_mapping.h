/// The field names of the structs in api/source_types.h, as api/mapping.h has those of the others.
#pragma once

#include "api/mapping.h"
#include "api/source_types.h"

namespace spawnd::api {

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
