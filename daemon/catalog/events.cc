#include "daemon/catalog/events.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "daemon/catalog/columns.h"
#include "daemon/catalog/database.h"
#include "daemon/catalog/event_ids.h"

namespace spawnd::daemon {
namespace {

/// What an image or a container is now, and the triggers that keep what one was when a transaction first
/// touches it. They are this connection's: nothing of them is in the file, and whatever a later schema does
/// to the tables needs no thought of them. BEFORE, because tags and teams are rows of their own.
constexpr const char* kWatch = R"sql(
PRAGMA temp_store = MEMORY;

CREATE TEMP VIEW image_now AS SELECT
  'image' AS resource, id, state, name, owner, expires_at, id AS image_id, '' AS image, name AS image_name,
  owner AS image_owner, CASE cache_key WHEN '' THEN '' ELSE engine || ':' || engine_version END AS built_in,
  (SELECT coalesce(group_concat(tag, char(10)), '') FROM
    (SELECT tag FROM main.image_tags WHERE image_id = images.id ORDER BY tag)) AS tags,
  (SELECT coalesce(group_concat(team, char(10)), '') FROM
    (SELECT team FROM main.image_teams WHERE image_id = images.id AND active = 1 ORDER BY team)) AS teams,
  '' AS revision, '' AS volume, detail FROM main.images;

CREATE TEMP VIEW container_now AS SELECT
  'container' AS resource, c.id, CASE WHEN c.asleep AND c.state = 'failed' THEN 'asleep'
  WHEN c.stopped AND c.state = 'failed' THEN 'stopped'
  WHEN c.stopped AND c.state = 'running' THEN 'stopping'
  WHEN c.pooled AND c.state = 'running' THEN 'pooled' WHEN c.pooled AND c.state = 'creating' THEN 'pooling'
  ELSE c.state END AS state, c.name, c.owner, c.expires_at, c.image_id, c.image_reference AS image,
  i.name AS image_name, i.owner AS image_owner,
  CASE i.cache_key WHEN '' THEN '' ELSE i.engine || ':' || i.engine_version END AS built_in,
  (SELECT coalesce(group_concat(tag, char(10)), '') FROM
    (SELECT tag FROM main.image_tags WHERE image_id = c.image_id ORDER BY tag)) AS tags,
  '' AS teams, c.revision, c.volume, c.detail FROM main.containers AS c JOIN main.images AS i ON i.id = c.image_id;

CREATE TEMP TABLE touched (resource, id, state, name, owner, expires_at, image_id, image, image_name, image_owner,
  built_in, tags, teams, revision, volume, detail);

CREATE TEMP TRIGGER image_comes AFTER INSERT ON main.images WHEN new.cache_key NOT LIKE 'source:%' BEGIN
  INSERT INTO touched (resource, id, state) VALUES ('image', new.id, ''); END;
CREATE TEMP TRIGGER image_changes BEFORE UPDATE ON main.images WHEN old.cache_key NOT LIKE 'source:%' BEGIN
  INSERT INTO touched SELECT * FROM image_now WHERE id = old.id
    AND NOT EXISTS (SELECT 1 FROM touched WHERE resource = 'image' AND id = old.id); END;
CREATE TEMP TRIGGER image_goes BEFORE DELETE ON main.images WHEN old.cache_key NOT LIKE 'source:%' BEGIN
  INSERT INTO touched SELECT * FROM image_now WHERE id = old.id
    AND NOT EXISTS (SELECT 1 FROM touched WHERE resource = 'image' AND id = old.id); END;
CREATE TEMP TRIGGER tag_comes BEFORE INSERT ON main.image_tags BEGIN
  INSERT INTO touched SELECT * FROM image_now WHERE id = new.image_id
    AND NOT EXISTS (SELECT 1 FROM touched WHERE resource = 'image' AND id = new.image_id); END;
CREATE TEMP TRIGGER tag_goes BEFORE DELETE ON main.image_tags BEGIN
  INSERT INTO touched SELECT * FROM image_now WHERE id = old.image_id
    AND NOT EXISTS (SELECT 1 FROM touched WHERE resource = 'image' AND id = old.image_id); END;
CREATE TEMP TRIGGER team_comes BEFORE INSERT ON main.image_teams BEGIN
  INSERT INTO touched SELECT * FROM image_now WHERE id = new.image_id
    AND NOT EXISTS (SELECT 1 FROM touched WHERE resource = 'image' AND id = new.image_id); END;
CREATE TEMP TRIGGER team_goes BEFORE DELETE ON main.image_teams BEGIN
  INSERT INTO touched SELECT * FROM image_now WHERE id = old.image_id
    AND NOT EXISTS (SELECT 1 FROM touched WHERE resource = 'image' AND id = old.image_id); END;
CREATE TEMP TRIGGER container_comes AFTER INSERT ON main.containers BEGIN
  INSERT INTO touched (resource, id, state) VALUES ('container', new.id, ''); END;
CREATE TEMP TRIGGER container_changes BEFORE UPDATE ON main.containers BEGIN
  INSERT INTO touched SELECT * FROM container_now WHERE id = old.id
    AND NOT EXISTS (SELECT 1 FROM touched WHERE resource = 'container' AND id = old.id); END;
CREATE TEMP TRIGGER container_goes BEFORE DELETE ON main.containers BEGIN
  INSERT INTO touched SELECT * FROM container_now WHERE id = old.id
    AND NOT EXISTS (SELECT 1 FROM touched WHERE resource = 'container' AND id = old.id); END;
CREATE TEMP TRIGGER revision_comes AFTER INSERT ON main.container_revisions BEGIN
  INSERT INTO touched (resource, id, revision) VALUES ('revision', new.container_id, 'rev.' || new.number); END;
)sql";

/// Old ones go in small pieces, faster than new ones come, so that no change waits for them.
constexpr int64_t kBetweenDrops = 50;
constexpr int64_t kDroppedAtOnce = 200;

constexpr std::string_view kImage = "image";
constexpr std::string_view kContainer = "container";

int64_t MillisecondsNow() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

/// Cut where no character is, with a word on it.
std::string Bounded(std::string text) {
  if (text.size() <= kMaxEventDetail) return text;
  size_t end = kMaxEventDetail;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  text.resize(end);
  return text + " ...";
}

/// Whoever finishes what is in one of these states does it for who began it. What can last is nobody's.
bool IsUnderWay(std::string_view state) {
  constexpr std::array<std::string_view, 8> kLasting{"",        "running", "completed", "failed",
                                                     "stopped", "asleep",  "pooled",    "deleting"};
  return std::find(kLasting.begin(), kLasting.end(), state) == kLasting.end();
}

EventRow EventOf(const EventSubject& subject) {
  EventRow row;
  row.resource = subject.resource;
  row.subject = subject.id;
  row.name = subject.name;
  row.owner = subject.owner;
  row.image_id = subject.image_id;
  row.image = subject.image;
  row.image_name = subject.image_name;
  row.image_owner = subject.image_owner;
  row.built_in = subject.built_in;
  row.tags = subject.tags;
  row.teams = subject.teams;
  row.revision = subject.revision;
  return row;
}

}  // namespace

template <typename Visit, RowOf<EventRow> Row>
void Columns(Visit&& visit, Row& row) {
  visit("id", row.id);
  visit("time", row.time);
  visit("resource", row.resource);
  visit("event", row.event);
  visit("subject", row.subject);
  visit("name", row.name);
  visit("owner", row.owner);
  visit("image_id", row.image_id);
  visit("image", row.image);
  visit("image_name", row.image_name);
  visit("image_owner", row.image_owner);
  visit("built_in", row.built_in);
  visit("tags", row.tags);
  visit("teams", row.teams);
  visit("revision", row.revision);
  visit("container_id", row.container_id);
  visit("actor", row.actor);
  visit("token_id", row.token_id);
  visit("detail", row.detail);
}

template <typename Visit, RowOf<EventSubject> Row>
void Columns(Visit&& visit, Row& row) {
  visit("resource", row.resource);
  visit("id", row.id);
  visit("state", row.state);
  visit("name", row.name);
  visit("owner", row.owner);
  visit("expires_at", row.expires_at);
  visit("image_id", row.image_id);
  visit("image", row.image);
  visit("image_name", row.image_name);
  visit("image_owner", row.image_owner);
  visit("built_in", row.built_in);
  visit("tags", row.tags);
  visit("teams", row.teams);
  visit("revision", row.revision);
  visit("volume", row.volume);
  visit("detail", row.detail);
}

Result<void> EventTable::Begin() {
  TRY(database_.Execute(kWatch));
  database_.AtCommit([this] { return Record(); },
                     [this] {
                       if (std::exchange(wrote_, false) && told_) told_();
                     });
  return {};
}

/// Runs at the end of every transaction. One that fails here is rolled back whole.
Result<void> EventTable::Record() {
  std::vector<EventSubject> touched;
  {
    TRY_ASSIGN(Query query, SelectRows<EventSubject>(database_, "FROM touched ORDER BY rowid"));
    TRY_ASSIGN(touched, ReadRows<EventSubject>(query));
  }
  if (touched.empty()) return {};
  TRY(database_.Run("DELETE FROM touched"));
  for (const EventSubject& one : touched)
    TRY(one.resource == "revision" ? RecordSaved(one) : RecordChange(one));
  return {};
}

Result<EventSubject> EventTable::Now(const std::string& resource, int64_t id) {
  TRY_ASSIGN(Query query,
             SelectRows<EventSubject>(database_, resource == kImage ? "FROM image_now WHERE id = ?"
                                                                    : "FROM container_now WHERE id = ?"));
  query.Bind(id);
  TRY_ASSIGN(const bool there, query.Step());
  if (there) return ReadRow<EventSubject>(query);
  EventSubject gone;
  gone.resource = resource;
  gone.id = id;
  return gone;
}

Result<EventTable::Begun> EventTable::LastOf(const std::string& resource, int64_t subject) {
  TRY_ASSIGN(Query query,
             database_.Prepare("SELECT event, actor, token_id, container_id, revision FROM events "
                               "WHERE subject = ? AND resource = ? AND event <> 'updated' AND event <> "
                               "'unshared' ORDER BY id DESC LIMIT 1"));
  query.Bind(subject).Bind(resource);
  TRY_ASSIGN(const bool there, query.Step());
  Begun begun;
  if (!there) return begun;
  begun.event = query.Text();
  ReadColumn(query, begun.actor);
  begun.token_id = query.Int();
  begun.container_id = query.Int();
  begun.revision = query.Text();
  return begun;
}

Result<void> EventTable::RecordChange(const EventSubject& before) {
  TRY_ASSIGN(const EventSubject after, Now(before.resource, before.id));
  // The empty states that built-in images stand for are nobody's, and no row that anybody is shown.
  const EventSubject& last = after.state.empty() ? before : after;
  if (last.resource == kImage && !last.built_in.empty()) return {};
  Begun begun;
  if (IsUnderWay(before.state)) {
    TRY_ASSIGN(begun, LastOf(before.resource, before.id));
  }
  for (EventName& name : NameEvents(before, after, cause_, begun.event)) {
    EventRow row = EventOf(name.as_before ? before : last);
    row.event = std::move(name.event);
    row.detail = std::move(name.detail);
    if (!name.teams_only.empty()) row.teams = std::move(name.teams_only);
    row.actor = cause_.actor ? cause_.actor : begun.actor;
    row.token_id = cause_.actor ? cause_.token_id : begun.token_id;
    // What somebody makes is his.
    if (before.state.empty() && !row.actor && IsUnderWay(after.state)) row.actor = row.owner;
    if (row.resource == kImage) {
      row.container_id = before.state.empty() ? cause_.container_id : begun.container_id;
      row.revision = before.state.empty() ? cause_.revision : begun.revision;
    }
    const bool graduated = row.event == "completed" && row.container_id != 0;
    TRY(Write(row));
    if (graduated) TRY(RecordGraduated(row));
  }
  return {};
}

Result<void> EventTable::RecordSaved(const EventSubject& noted) {
  TRY_ASSIGN(const EventSubject container, Now(std::string(kContainer), noted.id));
  // What comes back with its container was told when it was saved.
  if (container.state.empty() || cause_.word == "recovered") return {};
  EventRow row = EventOf(container);
  row.event = "saved";
  row.revision = noted.revision;
  row.actor = cause_.actor;
  row.token_id = cause_.token_id;
  return Write(std::move(row));
}

/// The container may be gone by now: then its image alone tells.
Result<void> EventTable::RecordGraduated(const EventRow& image) {
  TRY_ASSIGN(const EventSubject container, Now(std::string(kContainer), image.container_id));
  if (container.state.empty()) return {};
  EventRow row = EventOf(container);
  row.event = "graduated";
  row.revision = image.revision;
  row.actor = image.actor;
  row.token_id = image.token_id;
  row.detail = "data image '" + image.name + "' (" + std::to_string(image.subject) + ")";
  return Write(std::move(row));
}

Result<void> EventTable::TellOfContainer(int64_t id, std::string_view event, std::string detail) {
  Transaction transaction(database_);
  TRY(transaction.Begin());
  TRY_ASSIGN(const EventSubject container, Now(std::string(kContainer), id));
  if (container.state.empty() || container.state == "deleting") return {};
  EventRow row = EventOf(container);
  row.event = event;
  row.detail = std::move(detail);
  TRY(Write(std::move(row)));
  return transaction.Commit();
}

Result<void> EventTable::TellOfSourceInTransaction(const SourceRow& source, std::string_view event,
                                                   std::string detail, int64_t image_id,
                                                   const std::string& image) {
  EventRow row;
  row.resource = "source";
  row.event = event;
  row.subject = source.id;
  row.name = source.name;
  row.owner = row.image_owner = source.owner;
  row.image_id = image_id;
  row.image = row.image_name = image;
  row.actor = cause_.actor;
  row.token_id = cause_.token_id;
  row.detail = std::move(detail);
  return Write(std::move(row));
}

Result<void> EventTable::Write(EventRow row) {
  TRY_ASSIGN(const int64_t last, LastEventId(database_));
  row.id = last + 1;
  row.time = MillisecondsNow();
  row.detail = Bounded(std::move(row.detail));
  TRY(InsertRowInTransaction(database_, "events", row));
  wrote_ = true;
  return row.id % kBetweenDrops == 0 ? DropOld(row.id, row.time) : Result<void>();
}

/// The newest always stays: the next one's id follows from it.
Result<void> EventTable::DropOld(int64_t newest, int64_t now) {
  return database_.Run(
      "DELETE FROM events WHERE id IN (SELECT id FROM events ORDER BY id LIMIT ?1) AND id < ?2 AND "
      "(id <= ?2 - ?3 OR time < ?4)",
      kDroppedAtOnce, newest, kept_, now - kEventSeconds * 1000);
}

EventReader::EventReader(std::unique_ptr<Database> database) : database_(std::move(database)) {}
EventReader::~EventReader() = default;

Result<std::unique_ptr<EventReader>> EventReader::Open(const std::string& catalog_path) {
  TRY_ASSIGN(auto database, Database::Open(catalog_path));
  TRY(database->Execute("PRAGMA query_only = ON; PRAGMA trusted_schema = OFF"));
  return std::unique_ptr<EventReader>(new EventReader(std::move(database)));
}

Result<EventReader::Kept> EventReader::WhatIsKept() {
  Kept kept;
  TRY_ASSIGN(kept.newest, LastEventId(*database_));
  TRY_ASSIGN(const auto oldest,
             Numbers(*database_, "SELECT id FROM events WHERE id > ? ORDER BY id LIMIT 1", 0));
  kept.oldest = oldest.empty() ? kept.newest + 1 : oldest.front();
  return kept;
}

Result<std::vector<EventRow>> EventReader::After(int64_t id, size_t most) {
  TRY_ASSIGN(Query query, SelectRows<EventRow>(*database_, "FROM events WHERE id > ? ORDER BY id LIMIT ?"));
  query.Bind(id).Bind(static_cast<int64_t>(most));
  return ReadRows<EventRow>(query);
}

Result<int64_t> EventReader::FirstSince(int64_t time) {
  TRY_ASSIGN(const auto first,
             Numbers(*database_, "SELECT id FROM events WHERE time >= ? ORDER BY id LIMIT 1", time));
  if (!first.empty()) return first.front();
  TRY_ASSIGN(const int64_t last, LastEventId(*database_));
  return last + 1;
}

Result<bool> EventReader::HasToken(int64_t token_id) {
  TRY_ASSIGN(Query query, database_->Prepare("SELECT 1 FROM access_tokens WHERE id = ?"));
  query.Bind(token_id);
  return query.Step();
}

}  // namespace spawnd::daemon
