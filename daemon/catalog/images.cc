#include "daemon/catalog/images.h"

#include <array>
#include <utility>

#include "api/image_reference.h"
#include "daemon/catalog/columns.h"
#include "daemon/catalog/database.h"

namespace spawnd::daemon {
namespace {

constexpr std::string_view kNoun = "data image";

std::string Describe(const ImageRow& image) {
  return "data image '" + image.name + "' (" + std::to_string(image.id) + ")";
}

}  // namespace

Result<void> ImageTable::AddTextsInTransaction(std::string_view sql, int64_t id,
                                               const std::vector<std::string>& texts) {
  for (const std::string& text : texts) TRY(database_.Run(sql, id, text));
  return {};
}

/// An idle team that the image was given in earnest before stays so.
Result<void> ImageTable::AddTeamsInTransaction(int64_t id, const std::vector<std::string>& teams,
                                               const std::vector<std::string>& idle_teams) {
  TRY(AddTextsInTransaction("INSERT OR REPLACE INTO image_teams (image_id, team, active) VALUES (?,?,1)", id,
                            teams));
  return AddTextsInTransaction("INSERT OR IGNORE INTO image_teams (image_id, team, active) VALUES (?,?,0)",
                               id, idle_teams);
}

Result<void> ImageTable::AddLayersInTransaction(int64_t id, const std::vector<std::string>& layers) {
  return AddTextsInTransaction("INSERT OR IGNORE INTO image_layers (image_id, layer_id) VALUES (?,?)", id,
                               layers);
}

Result<std::vector<std::string>> ImageTable::Texts(std::string_view sql, int64_t image_id) {
  TRY_ASSIGN(Query query, database_.Prepare(sql));
  query.Bind(image_id);
  std::vector<std::string> texts;
  while (true) {
    TRY_ASSIGN(const bool row, query.Step());
    if (!row) return texts;
    texts.push_back(query.Text());
  }
}

Result<int64_t> ImageTable::Insert(const ImageRow& row) {
  Transaction transaction(database_);
  TRY(transaction.Begin());
  if (row.Hidden() && FindCached(row.cache_key)) {
    return Fail(ErrorCode::kAlreadyExists, "there is an image for '" + row.cache_key + "' already");
  }
  ImageRow pending = row;
  TRY_ASSIGN(pending.id, IdForInTransaction(database_, row.id));
  pending.state = ImageState::kPending;
  pending.data_bytes = pending.disk_bytes = 0;
  pending.index_file.clear();
  TRY(InsertRowInTransaction(database_, "images", pending));
  TRY(
      AddTextsInTransaction("INSERT OR IGNORE INTO image_tags (image_id, tag, owner, name, active) "
                            "SELECT id, ?2, owner, name, 0 FROM images WHERE id = ?1",
                            pending.id, row.tags));
  TRY(AddTeamsInTransaction(pending.id, row.teams, row.idle_teams));
  TRY(AddLayersInTransaction(pending.id, row.leased_layers));
  TRY(CheckLabelCountInTransaction(pending.id));
  TRY(transaction.Commit());
  return pending.id;
}

Result<void> ImageTable::Lease(int64_t id, const std::string& layer_id) {
  Transaction transaction(database_);
  TRY(transaction.Begin());
  TRY(AddLayersInTransaction(id, {layer_id}));
  return transaction.Commit();
}

/// After an update of a pending image; says what is wrong when there was none.
Result<void> ImageTable::ExpectPendingInTransaction(int64_t id) {
  if (database_.Changed()) return {};
  TRY_ASSIGN(const ImageRow image, ById(id));
  return Fail(ErrorCode::kInternal,
              Describe(image) + " is " + std::string(ImageStateName(image.state)) + ", not pending");
}

Result<void> ImageTable::Complete(int64_t id, const ImageCompletion& completion) {
  Transaction transaction(database_);
  TRY(transaction.Begin());
  TRY(database_.Run(
      "UPDATE images SET state = 'completed', database_name = ?, data_bytes = ?, disk_bytes = ?, "
      "index_file = ?, libraries = ?, detail = coalesce(nullif(?, ''), detail), " +
          std::string(kBeginLifetime) + " WHERE id = ? AND state = 'pending'",
      completion.database, completion.data_bytes, completion.disk_bytes, completion.index_file,
      LinesOf(completion.libraries), completion.detail, completion.completed_at, id));
  TRY(ExpectPendingInTransaction(id));
  TRY(database_.Run("DELETE FROM image_layers WHERE image_id = ?", id));
  TRY(AddLayersInTransaction(id, completion.layer_ids));
  TRY(TakeTagsInTransaction(id));
  return transaction.Commit();
}

Result<void> ImageTable::MarkFailed(int64_t id, std::string_view detail, int64_t now) {
  Transaction transaction(database_);
  TRY(transaction.Begin());
  TRY(database_.Run("UPDATE images SET state = 'failed', detail = ?, " + std::string(kBeginLifetime) +
                        " WHERE id = ? AND state = 'pending'",
                    detail, now, id));
  TRY(ExpectPendingInTransaction(id));
  return transaction.Commit();
}

Result<void> ImageTable::MarkDamaged(int64_t id, std::string_view detail) {
  Transaction transaction(database_);
  TRY(transaction.Begin());
  TRY(
      database_.Run("UPDATE images SET state = 'failed', detail = ?, cache_key = '' "
                    "WHERE id = ? AND state IN ('completed', 'failed')",
                    detail, id));
  TRY(ExpectChange(database_, kNoun, id));
  return transaction.Commit();
}

/// "data containers 'a', 'b' and 2 of others": what is `asker`'s by its name, and all of it for root. Empty
/// when nothing uses the image.
Result<std::string> ImageTable::UsersInWords(int64_t id, uid_t asker) {
  TRY_ASSIGN(Query query, database_.Prepare("SELECT name, owner FROM containers WHERE image_id = ? AND "
                                            "state <> 'deleting' AND pooled = 0 ORDER BY id"));
  query.Bind(id);
  std::string names;
  size_t of_others = 0;
  while (true) {
    TRY_ASSIGN(const bool there, query.Step());
    if (!there) break;
    const std::string name = query.Text();
    if (asker == 0 || query.Int() == int64_t{asker}) {
      names += (names.empty() ? "'" : ", '") + name + "'";
    } else {
      ++of_others;
    }
  }
  const std::string others = std::to_string(of_others);
  if (names.empty() && of_others == 0) return std::string();
  if (names.empty()) return others + (of_others == 1 ? " data container" : " data containers") + " of others";
  return "data containers " + names + (of_others == 0 ? "" : " and " + others + " of others");
}

Result<void> ImageTable::MarkDeleting(int64_t id, uid_t asker) {
  Transaction transaction(database_);
  TRY(transaction.Begin());
  TRY_ASSIGN(const ImageRow image, ById(id));
  TRY_ASSIGN(const std::string users, UsersInWords(id, asker));
  if (!users.empty()) {
    return Fail(ErrorCode::kInUse, Describe(image) + " is in use by " + users, "They have to go first.");
  }
  TRY(database_.Run("UPDATE images SET state = 'deleting' WHERE id = ?", id));
  TRY(database_.Run("DELETE FROM image_tags WHERE image_id = ?", id));
  return transaction.Commit();
}

Result<void> ImageTable::Remove(int64_t id) {
  Transaction transaction(database_);
  TRY(transaction.Begin());
  TRY_ASSIGN(const auto users,
             Numbers(database_, "SELECT id FROM containers WHERE image_id = ? ORDER BY id", id));
  if (!users.empty()) {
    return Fail(ErrorCode::kInUse, "data image " + std::to_string(id) + " still has data container " +
                                       std::to_string(users.front()));
  }
  TRY(database_.Run("DELETE FROM images WHERE id = ?", id));
  TRY(ExpectChange(database_, kNoun, id));
  return transaction.Commit();
}

Result<void> ImageTable::Update(int64_t id, const ImageChange& change) {
  Transaction transaction(database_);
  TRY(transaction.Begin());
  if (!change.name.empty()) TRY(RenameInTransaction(id, change.name));
  for (const std::string& tag : change.remove_tags) {
    TRY(database_.Run("DELETE FROM image_tags WHERE image_id = ? AND tag = ?", id, tag));
  }
  for (const std::string& team : change.remove_teams) {
    TRY(database_.Run("DELETE FROM image_teams WHERE image_id = ? AND team = ?", id, team));
  }
  for (const std::string& tag : change.tags) TRY(AddTagInTransaction(id, tag));
  TRY(AddTeamsInTransaction(id, change.teams, change.idle_teams));
  TRY(CheckLabelCountInTransaction(id));
  if (change.warm) {
    TRY(database_.Run("UPDATE images SET warm = ? WHERE id = ?", *change.warm, id));
    TRY(ExpectChange(database_, kNoun, id));
  }
  if (change.expires_at) {
    TRY(database_.Run("UPDATE images SET expires_at = ? WHERE id = ?", *change.expires_at, id));
    TRY(ExpectChange(database_, kNoun, id));
  }
  if (change.sleep_after) {
    TRY(database_.Run("UPDATE images SET sleep_after = ? WHERE id = ?", *change.sleep_after, id));
    TRY(ExpectChange(database_, kNoun, id));
  }
  return transaction.Commit();
}

/// The present row of a query that SelectRows made, with its tags and teams.
Result<ImageRow> ImageTable::Read(Query& query) {
  ImageRow image = ReadRow<ImageRow>(query);
  TRY_ASSIGN(image.tags, Texts("SELECT tag FROM image_tags WHERE image_id = ? ORDER BY tag", image.id));
  constexpr std::string_view kTeams = "SELECT team FROM image_teams WHERE image_id = ? AND active = ";
  TRY_ASSIGN(image.teams, Texts(std::string(kTeams) + "1 ORDER BY team", image.id));
  TRY_ASSIGN(image.idle_teams, Texts(std::string(kTeams) + "0 ORDER BY team", image.id));
  return image;
}

Result<std::vector<ImageRow>> ImageTable::ReadAll(Query& query) {
  std::vector<ImageRow> images;
  while (true) {
    TRY_ASSIGN(const bool row, query.Step());
    if (!row) return images;
    TRY_ASSIGN(ImageRow image, Read(query));
    images.push_back(std::move(image));
  }
}

Result<ImageRow> ImageTable::ById(int64_t id) {
  TRY_ASSIGN(Query query, SelectRows<ImageRow>(database_, "FROM images WHERE id = ?"));
  query.Bind(id);
  TRY_ASSIGN(auto images, ReadAll(query));
  if (images.empty()) return Fail(ErrorCode::kNotFound, "no data image '" + std::to_string(id) + "'");
  return std::move(images.front());
}

Result<ImageRow> ImageTable::FindCached(std::string_view cache_key) {
  TRY_ASSIGN(Query query, SelectRows<ImageRow>(database_,
                                               "FROM images WHERE cache_key = ? AND cache_key <> '' AND "
                                               "state <> 'deleting'"));
  query.Bind(cache_key);
  TRY_ASSIGN(auto images, ReadAll(query));
  if (images.empty()) {
    return Fail(ErrorCode::kNotFound, "no image for '" + std::string(cache_key) + "'");
  }
  return std::move(images.front());
}

Result<ImageRow> ImageTable::Find(std::string_view reference, const Filter& filter) {
  const size_t colon = reference.rfind(':');
  const std::string_view name = reference.substr(0, colon);
  const std::string_view tag = colon == std::string_view::npos ? "" : reference.substr(colon + 1);
  // ?3 is empty for a bare name. Completed ones first, then the newest.
  TRY_ASSIGN(
      Query query,
      SelectRows<ImageRow>(database_,
                           "FROM images WHERE (id = ?1 OR (name = ?2 AND (?3 = '' OR id IN (SELECT image_id "
                           "FROM image_tags WHERE name = ?2 AND tag = ?3)))) AND (cache_key = '' OR (id = ?1 "
                           "AND cache_key NOT LIKE "
                           "'source:%')) "
                           "AND state <> 'deleting' ORDER BY state = 'completed' DESC, id DESC"));
  const bool tag_missing = colon != std::string_view::npos && tag.empty();
  if (!tag_missing) {
    query.Bind(api::IdOf(reference)).Bind(name).Bind(tag);
    while (true) {
      TRY_ASSIGN(const bool row, query.Step());
      if (!row) break;
      TRY_ASSIGN(ImageRow image, Read(query));
      if (!filter || filter(image)) return image;
    }
  }
  return Fail(ErrorCode::kNotFound, "no data image '" + std::string(reference) + "'",
              "'spawnctl get data-images' lists what there is.");
}

Result<std::vector<ImageRow>> ImageTable::List(Rows rows) {
  TRY_ASSIGN(Query query,
             SelectRows<ImageRow>(
                 database_, "FROM images WHERE ?1 OR (cache_key = '' AND state <> 'deleting') ORDER BY id"));
  query.Bind(int64_t{rows == Rows::kAll});
  return ReadAll(query);
}

Result<std::vector<std::string>> ImageTable::LayersOf(int64_t id) {
  return Texts("SELECT layer_id FROM image_layers WHERE image_id = ? ORDER BY layer_id", id);
}

Result<std::vector<std::pair<int64_t, std::string>>> ImageTable::LayerUses() {
  TRY_ASSIGN(Query query, database_.Prepare("SELECT image_id, layer_id FROM image_layers JOIN images "
                                            "ON images.id = image_id WHERE state <> 'deleting'"));
  std::vector<std::pair<int64_t, std::string>> uses;
  while (true) {
    TRY_ASSIGN(const bool row, query.Step());
    if (!row) return uses;
    const int64_t image = query.Int();
    uses.emplace_back(image, query.Text());
  }
}

Result<std::vector<int64_t>> ImageTable::UsingLayer(std::string_view layer_id) {
  return Numbers(database_, "SELECT image_id FROM image_layers WHERE layer_id = ? ORDER BY image_id",
                 layer_id);
}

Result<std::vector<std::string>> ImageTable::LayersReferenced() {
  return Texts("SELECT DISTINCT layer_id FROM image_layers WHERE image_id > ? ORDER BY layer_id", 0);
}

Result<std::vector<int64_t>> ImageTable::Expired(int64_t now) {
  return Numbers(
      database_,
      "SELECT id FROM images WHERE expires_at > 0 AND expires_at <= ? AND cache_key = '' AND state IN "
      "('completed', 'failed') AND NOT EXISTS (SELECT 1 FROM containers WHERE image_id = images.id "
      "AND containers.state <> 'deleting' AND containers.pooled = 0) ORDER BY id",
      now);
}

Result<void> ImageTable::NoteUseInTransaction(int64_t id, int64_t now) {
  constexpr int64_t kAtMostEvery = 60;
  return database_.Run("UPDATE images SET used_at = ?1 WHERE id = ?2 AND used_at <= ?1 - ?3", now, id,
                       kAtMostEvery);
}

Result<std::vector<WantedPool>> ImageTable::WantedPools(int64_t by_default, int64_t since) {
  TRY_ASSIGN(Query query,
             database_.Prepare("SELECT id, CASE WHEN warm < 0 THEN ?1 ELSE warm END AS count FROM images "
                               "WHERE state = 'completed' AND (warm > 0 OR (warm < 0 AND ?1 > 0 AND "
                               "used_at >= ?2)) ORDER BY used_at DESC, id DESC"));
  query.Bind(by_default).Bind(since);
  std::vector<WantedPool> wanted;
  while (true) {
    TRY_ASSIGN(const bool row, query.Step());
    if (!row) return wanted;
    const int64_t id = query.Int();
    wanted.push_back({id, query.Int()});
  }
}

// Tags: each belongs to one completed image of a name, among those of one owner (ADR 3).

/// A tag goes to the newest completed image of the name that carries it. Builds may end in another order than
/// they began: what a newer one has taken meanwhile stays there and is struck off here.
Result<void> ImageTable::TakeTagsInTransaction(int64_t id) {
  constexpr std::array<std::string_view, 3> kSteps{
      "DELETE FROM image_tags WHERE image_id = ?1 AND EXISTS (SELECT 1 FROM image_tags AS other "
      "WHERE other.owner = image_tags.owner AND other.name = image_tags.name AND other.tag = image_tags.tag "
      "AND other.active = 1 AND other.image_id > ?1)",
      "DELETE FROM image_tags WHERE active = 1 AND image_id < ?1 AND EXISTS (SELECT 1 FROM image_tags AS "
      "mine "
      "WHERE mine.image_id = ?1 AND mine.owner = image_tags.owner AND mine.name = image_tags.name "
      "AND mine.tag = image_tags.tag)",
      "UPDATE image_tags SET active = 1 WHERE image_id = ?1"};
  for (const std::string_view sql : kSteps) TRY(database_.Run(sql, id));
  return {};
}

/// The image's tags move along and leave the owner's image that has them there.
Result<void> ImageTable::RenameInTransaction(int64_t id, const std::string& name) {
  TRY(database_.Run("UPDATE images SET name = ? WHERE id = ?", name, id));
  if (!database_.Changed()) return Fail(ErrorCode::kNotFound, "no data image with id " + std::to_string(id));
  TRY(
      database_.Run("DELETE FROM image_tags WHERE active = 1 AND name = ?1 AND image_id <> ?2 AND EXISTS "
                    "(SELECT 1 FROM image_tags AS mine WHERE mine.image_id = ?2 AND mine.active = 1 "
                    "AND mine.owner = image_tags.owner AND mine.tag = image_tags.tag)",
                    name, id));
  return database_.Run("UPDATE image_tags SET name = ? WHERE image_id = ?", name, id);
}

/// Adds a tag. It counts from the completion of the image on (TakeTagsInTransaction); a completed image
/// takes it at once.
Result<void> ImageTable::AddTagInTransaction(int64_t id, const std::string& tag) {
  TRY_ASSIGN(const ImageRow image, ById(id));
  const bool completed = image.state == ImageState::kCompleted;
  if (completed) {
    TRY(database_.Run("DELETE FROM image_tags WHERE owner = ? AND name = ? AND tag = ? AND active = 1",
                      int64_t{image.owner}, image.name, tag));
  }
  return database_.Run(
      "INSERT OR REPLACE INTO image_tags (image_id, tag, owner, name, active) VALUES (?,?,?,?,?)", id, tag,
      int64_t{image.owner}, image.name, int64_t{completed});
}

Result<void> ImageTable::CheckLabelCountInTransaction(int64_t id) {
  TRY_ASSIGN(const ImageRow image, ById(id));
  const auto refuse = [&image](std::string_view noun, size_t limit) {
    return Fail(ErrorCode::kInvalidArgument,
                "data image '" + image.name + "' would have more than " + std::to_string(limit) + " " +
                    std::string(noun),
                "Give a new image the new " + std::string(noun) + ", or delete this one.");
  };
  if (image.tags.size() > kMaxTagsOfImage) return refuse("tags", kMaxTagsOfImage);
  if (image.teams.size() + image.idle_teams.size() > kMaxTeamsOfImage)
    return refuse("teams", kMaxTeamsOfImage);
  return {};
}

Result<std::vector<ImageRow>> ImageTable::OfSource(int64_t source_id) {
  TRY_ASSIGN(Query query, SelectRows<ImageRow>(database_,
                                               "FROM images WHERE source_id = ? AND cache_key = '' "
                                               "AND state <> 'deleting' ORDER BY id"));
  query.Bind(source_id);
  return ReadAll(query);
}

}  // namespace spawnd::daemon
