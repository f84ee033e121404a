/// Containers.
#include <utility>

#include "api/json_reader.h"
#include "api/json_writer.h"
#include "api/mapping.h"
#include "daemon/catalog/catalog.h"
#include "daemon/catalog/database.h"
#include "daemon/catalog/text.h"

namespace spawnd::daemon {
namespace {

// Every query of containers selects these, in the order in which ReadContainer reads them.
#define CONTAINER_COLUMNS                                                                                \
  "id, name, image_id, image_reference, state, stays_down, revert_to, revision, host, port, user_name, " \
  "password, database_name, "                                                                            \
  "owner, durability, created_at, expires_at, ready_milliseconds, timings, detail, installation_root, "  \
  "installation_version"

using Timings = std::vector<std::pair<std::string, double>>;

/// How timings are stored: {"timings":{"keeper":6.1,"volume":0.8}}, in the order in which they happened.
struct StoredTimings {
  Timings timings;
};

void Describe(auto& visit, api::Is<StoredTimings> auto& x) {
  visit.Field("timings", x.timings);
}

std::string TimingsToJson(const Timings& timings) {
  return api::JsonOf(StoredTimings{timings}, api::Empties::kKeep);
}

/// Timings are for display only: what cannot be read is left out.
Timings TimingsFromJson(const std::string& json) {
  auto read = api::ReadJson<StoredTimings>(json, api::kResponseLimits, api::Strictness::kLenient, "timings");
  return read ? std::move(read->timings) : Timings();
}

ContainerRow ReadContainer(Query& query) {
  ContainerRow container;
  container.id = query.Int();
  container.name = query.Text();
  container.image_id = query.Int();
  container.image_reference = query.Text();
  container.state = ContainerStateFromName(query.Text());
  container.stays_down = query.Int() != 0;
  if (const auto number = query.OptionalInt()) container.revert_to = static_cast<uint32_t>(*number);
  container.revision = query.Text();
  container.host = query.Text();
  container.port = static_cast<uint16_t>(query.Int());
  container.user = query.Text();
  container.password = query.Text();
  container.database = query.Text();
  container.owner = static_cast<uid_t>(query.Int());
  container.durability = DurabilityFromText(query.Text());
  container.created_at = query.Int();
  container.expires_at = query.Int();
  container.ready_milliseconds = query.Real();
  container.timings = TimingsFromJson(query.Text());
  container.detail = query.Text();
  container.installation_root = query.Text();
  container.installation_version = query.Text();
  return container;
}

Result<std::vector<ContainerRow>> ReadContainers(Query& query) {
  std::vector<ContainerRow> containers;
  while (true) {
    TRY_ASSIGN(const bool row, query.Step());
    if (!row) return containers;
    containers.push_back(ReadContainer(query));
  }
}

}  // namespace

Result<void> Catalog::CheckPort(uint16_t port, int64_t except_id) {
  if (port == 0) return {};
  TRY_ASSIGN(Query query, database_->Prepare("SELECT id FROM containers WHERE port = ? AND id <> ?"));
  query.Bind(int64_t{port}).Bind(except_id);
  TRY_ASSIGN(const bool taken, query.Step());
  if (!taken) return {};
  return Fail(ErrorCode::kInUse,
              "port " + std::to_string(port) + " belongs to data container " + std::to_string(query.Int()));
}

/// The indexes would refuse these too, but not say it in words for the user.
Result<void> Catalog::CheckContainerClash(const ContainerRow& row) {
  TRY_ASSIGN(const ImageRow image, ImageById(row.image_id));
  if (image.state != ImageState::kCompleted) {
    return Fail(ErrorCode::kNotFound, "data image '" + image.name + "' (" + std::to_string(image.id) +
                                          ") is " + std::string(ImageStateName(image.state)));
  }
  TRY(CheckPort(row.port, 0));
  return CheckContainerName(row.name, 0);
}

Result<void> Catalog::CheckContainerName(const std::string& name, int64_t except_id) {
  TRY_ASSIGN(Query query,
             database_->Prepare("SELECT 1 FROM containers WHERE name = ? AND state <> 'deleting' "
                                "AND id <> ?"));
  query.Bind(name).Bind(except_id);
  TRY_ASSIGN(const bool taken, query.Step());
  if (!taken) return {};
  return Fail(ErrorCode::kAlreadyExists, "there is a data container '" + name + "' already",
              "Choose another name, or delete that one first.");
}

Result<int64_t> Catalog::InsertContainer(const ContainerRow& row) {
  Transaction transaction(*database_);
  TRY(transaction.Begin());
  TRY(CheckContainerClash(row));
  TRY_ASSIGN(const int64_t id, IdFor(row.id));
  {
    TRY_ASSIGN(Query query,
               database_->Prepare("INSERT INTO containers (" CONTAINER_COLUMNS ") "
                                  "VALUES (?,?,?,?,'creating',0,NULL,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"));
    TRY(query.Bind(id)
            .Bind(row.name)
            .Bind(row.image_id)
            .Bind(row.image_reference)
            .Bind(row.revision)
            .Bind(row.host)
            .Bind(int64_t{row.port})
            .Bind(row.user)
            .Bind(row.password)
            .Bind(row.database)
            .Bind(int64_t{row.owner})
            .Bind(DurabilityText(row.durability))
            .Bind(row.created_at)
            .Bind(row.expires_at)
            .Bind(row.ready_milliseconds)
            .Bind(TimingsToJson(row.timings))
            .Bind(row.detail)
            .Bind(row.installation_root)
            .Bind(row.installation_version)
            .Run());
  }
  TRY(transaction.Commit());
  return id;
}

Result<void> Catalog::SetContainerState(int64_t id, ContainerState state, std::string_view detail) {
  return WriteContainerState(id, state, detail, false);
}

Result<void> Catalog::KeepContainerDown(int64_t id, std::string_view why) {
  return WriteContainerState(id, ContainerState::kFailed, why, true);
}

/// One statement: a row that was left between two of them once made a later start go back to a revision by
/// itself.
Result<void> Catalog::WriteContainerState(int64_t id, ContainerState state, std::string_view detail,
                                          bool stays_down) {
  TRY_ASSIGN(Query query, database_->Prepare(
                              "UPDATE containers SET state = ?, detail = ?, stays_down = ?, revert_to = NULL "
                              "WHERE id = ?"));
  TRY(query.Bind(ContainerStateName(state)).Bind(detail).Bind(int64_t{stays_down}).Bind(id).Run());
  return ExpectChange("data container", id);
}

Result<void> Catalog::CompleteContainer(int64_t id, double ready_milliseconds, const Timings& timings,
                                        int64_t now) {
  TRY_ASSIGN(Query query, database_->Prepare(
                              "UPDATE containers SET state = 'running', detail = '', ready_milliseconds = ?, "
                              "timings = ?, " BEGIN_LIFETIME " WHERE id = ?"));
  TRY(query.Bind(ready_milliseconds).Bind(TimingsToJson(timings)).Bind(now).Bind(id).Run());
  return ExpectChange("data container", id);
}

Result<void> Catalog::SetContainerPort(int64_t id, uint16_t port) {
  TRY(CheckPort(port, id));
  TRY_ASSIGN(Query query, database_->Prepare("UPDATE containers SET port = ? WHERE id = ?"));
  TRY(query.Bind(int64_t{port}).Bind(id).Run());
  return ExpectChange("data container", id);
}

Result<void> Catalog::MarkContainerDeleting(int64_t id) {
  return SetContainerState(id, ContainerState::kDeleting);
}

Result<void> Catalog::RemoveContainer(int64_t id) {
  TRY_ASSIGN(Query query, database_->Prepare("DELETE FROM containers WHERE id = ?"));
  TRY(query.Bind(id).Run());
  return ExpectChange("data container", id);
}

Result<ContainerRow> Catalog::FindContainer(std::string_view reference, const ContainerFilter& filter) {
  TRY_ASSIGN(Query query, database_->Prepare("SELECT " CONTAINER_COLUMNS " FROM containers "
                                             "WHERE (id = ? OR name = ?) AND state <> 'deleting'"));
  query.Bind(IdOf(reference)).Bind(reference);
  TRY_ASSIGN(auto containers, ReadContainers(query));
  TRY(ReadRevisions(containers));
  if (containers.empty() || (filter && !filter(containers.front()))) {
    return Fail(ErrorCode::kNotFound, "no data container '" + std::string(reference) + "'",
                "'spawnctl get data-containers' lists what there is.");
  }
  return std::move(containers.front());
}

Result<ContainerRow> Catalog::ContainerById(int64_t id) {
  TRY_ASSIGN(Query query, database_->Prepare("SELECT " CONTAINER_COLUMNS " FROM containers WHERE id = ?"));
  query.Bind(id);
  TRY_ASSIGN(auto containers, ReadContainers(query));
  TRY(ReadRevisions(containers));
  if (containers.empty()) {
    return Fail(ErrorCode::kNotFound, "no data container '" + std::to_string(id) + "'");
  }
  return std::move(containers.front());
}

Result<std::vector<ContainerRow>> Catalog::ListContainers(Rows rows) {
  TRY_ASSIGN(Query query, database_->Prepare("SELECT " CONTAINER_COLUMNS " FROM containers "
                                             "WHERE ?1 OR state <> 'deleting' ORDER BY id"));
  query.Bind(int64_t{rows == Rows::kAll});
  TRY_ASSIGN(auto containers, ReadContainers(query));
  TRY(ReadRevisions(containers));
  return containers;
}

Result<std::vector<ContainerRow>> Catalog::ContainersOfImage(int64_t image_id) {
  TRY_ASSIGN(Query query, database_->Prepare("SELECT " CONTAINER_COLUMNS
                                             " FROM containers WHERE image_id = ? ORDER BY id"));
  query.Bind(image_id);
  return ReadContainers(query);
}

Result<std::vector<uint16_t>> Catalog::UsedPorts() {
  TRY_ASSIGN(Query query, database_->Prepare("SELECT port FROM containers WHERE port <> 0 ORDER BY port"));
  std::vector<uint16_t> ports;
  while (true) {
    TRY_ASSIGN(const bool row, query.Step());
    if (!row) return ports;
    ports.push_back(static_cast<uint16_t>(query.Int()));
  }
}

}  // namespace spawnd::daemon
