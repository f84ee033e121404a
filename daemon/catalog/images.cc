/// Images, their tags, teams and layers.
#include <algorithm>
#include <utility>

#include "daemon/catalog/catalog.h"
#include "daemon/catalog/database.h"
#include "daemon/catalog/text.h"

namespace spawnd::daemon {
namespace {

// Every query of images selects these, in the order in which ReadImage reads them.
#define IMAGE_COLUMNS                                                                            \
  "id, name, state, engine, engine_version, version_text, owner, durability, initial_database, " \
  "database_name, created_at, expires_at, data_bytes, disk_bytes, index_file, cache_key, detail"

std::string Describe(const ImageRow& image) {
  return "data image '" + image.name + "' (" + std::to_string(image.id) + ")";
}

}  // namespace

Result<void> Catalog::InsertTexts(const char* sql, int64_t image_id, const std::vector<std::string>& texts) {
  for (const std::string& text : texts) {
    TRY_ASSIGN(Query query, database_->Prepare(sql));
    TRY(query.Bind(image_id).Bind(text).Run());
  }
  return {};
}

Result<std::vector<std::string>> Catalog::Texts(const char* sql, int64_t image_id) {
  TRY_ASSIGN(Query query, database_->Prepare(sql));
  query.Bind(image_id);
  std::vector<std::string> texts;
  while (true) {
    TRY_ASSIGN(const bool row, query.Step());
    if (!row) return texts;
    texts.push_back(query.Text());
  }
}

Result<int64_t> Catalog::InsertImage(const ImageRow& row) {
  Transaction transaction(*database_);
  TRY(transaction.Begin());
  if (row.Hidden() && FindCachedImage(row.cache_key)) {
    return Fail(ErrorCode::kAlreadyExists, "there is an image for '" + row.cache_key + "' already");
  }
  TRY_ASSIGN(const int64_t id, IdFor(row.id));
  {
    TRY_ASSIGN(Query query, database_->Prepare("INSERT INTO images (" IMAGE_COLUMNS ") "
                                               "VALUES (?,?,'pending',?,?,?,?,?,?,?,?,?,0,0,'',?,?)"));
    TRY(query.Bind(id)
            .Bind(row.name)
            .Bind(row.engine)
            .Bind(row.engine_version)
            .Bind(row.version_text)
            .Bind(int64_t{row.owner})
            .Bind(DurabilityText(row.durability))
            .Bind(row.initial_database)
            .Bind(row.database)
            .Bind(row.created_at)
            .Bind(row.expires_at)
            .Bind(row.cache_key)
            .Bind(row.detail)
            .Run());
  }
  TRY(
      InsertTexts("INSERT OR IGNORE INTO image_tags (image_id, tag, owner, name, active) "
                  "SELECT id, ?2, owner, name, 0 FROM images WHERE id = ?1",
                  id, row.tags));
  TRY(InsertTexts("INSERT OR IGNORE INTO image_teams (image_id, team) VALUES (?,?)", id, row.teams));
  TRY(InsertTexts("INSERT OR IGNORE INTO image_layers (image_id, layer_id) VALUES (?,?)", id,
                  row.leased_layers));
  TRY(CheckLabelCount(id));
  TRY(transaction.Commit());
  return id;
}

/// Runs an update of a pending image; says what is wrong when there was none.
Result<void> Catalog::FinishPending(Query& query, int64_t id) {
  TRY(query.Run());
  if (database_->Changed()) return {};
  TRY_ASSIGN(const ImageRow image, ImageById(id));
  return Fail(ErrorCode::kInternal,
              Describe(image) + " is " + std::string(ImageStateName(image.state)) + ", not pending");
}

Result<void> Catalog::CompleteImage(int64_t id, const ImageCompletion& completion) {
  Transaction transaction(*database_);
  TRY(transaction.Begin());
  {
    TRY_ASSIGN(Query query,
               database_->Prepare("UPDATE images SET state = 'completed', database_name = ?, "
                                  "data_bytes = ?, disk_bytes = ?, index_file = ?, " BEGIN_LIFETIME
                                  " WHERE id = ? AND state = 'pending'"));
    query.Bind(completion.database)
        .Bind(completion.data_bytes)
        .Bind(completion.disk_bytes)
        .Bind(completion.index_file)
        .Bind(completion.completed_at)
        .Bind(id);
    TRY(FinishPending(query, id));
  }
  {
    TRY_ASSIGN(Query query, database_->Prepare("DELETE FROM image_layers WHERE image_id = ?"));
    TRY(query.Bind(id).Run());
  }
  TRY(InsertTexts("INSERT OR IGNORE INTO image_layers (image_id, layer_id) VALUES (?,?)", id,
                  completion.layer_ids));
  TRY(TakeTags(id));
  return transaction.Commit();
}

Result<void> Catalog::FailImage(int64_t id, std::string_view detail, int64_t now) {
  TRY_ASSIGN(Query query, database_->Prepare("UPDATE images SET state = 'failed', detail = ?, " BEGIN_LIFETIME
                                             " WHERE id = ? AND state = 'pending'"));
  query.Bind(detail).Bind(now).Bind(id);
  return FinishPending(query, id);
}

Result<void> Catalog::FailDamagedImage(int64_t id, std::string_view detail) {
  TRY_ASSIGN(Query query, database_->Prepare("UPDATE images SET state = 'failed', detail = ?, cache_key = '' "
                                             "WHERE id = ? AND state IN ('completed', 'failed')"));
  TRY(query.Bind(detail).Bind(id).Run());
  return ExpectChange("data image", id);
}

Result<void> Catalog::MarkImageDeleting(int64_t id) {
  Transaction transaction(*database_);
  TRY(transaction.Begin());
  TRY_ASSIGN(const ImageRow image, ImageById(id));
  TRY_ASSIGN(const auto users,
             Texts("SELECT name FROM containers WHERE image_id = ? AND state <> 'deleting' ORDER BY id", id));
  if (!users.empty()) {
    std::string names;
    for (const std::string& name : users) names += (names.empty() ? "'" : ", '") + name + "'";
    return Fail(ErrorCode::kInUse, Describe(image) + " is in use by data containers " + names,
                "Delete them first.");
  }
  {
    TRY_ASSIGN(Query query, database_->Prepare("UPDATE images SET state = 'deleting' WHERE id = ?"));
    TRY(query.Bind(id).Run());
    TRY(ExpectChange("data image", id));
  }
  TRY_ASSIGN(Query tags, database_->Prepare("DELETE FROM image_tags WHERE image_id = ?"));
  TRY(tags.Bind(id).Run());
  return transaction.Commit();
}

Result<void> Catalog::RemoveImage(int64_t id) {
  TRY_ASSIGN(const auto containers, ContainersOfImage(id));
  if (!containers.empty()) {
    return Fail(ErrorCode::kInUse, "data image " + std::to_string(id) + " still has data container " +
                                       std::to_string(containers.front().id));
  }
  TRY_ASSIGN(Query query, database_->Prepare("DELETE FROM images WHERE id = ?"));
  TRY(query.Bind(id).Run());
  return ExpectChange("data image", id);
}

/// The present row of a query that selects IMAGE_COLUMNS.
Result<ImageRow> Catalog::ReadImage(Query& query) {
  ImageRow image;
  image.id = query.Int();
  image.name = query.Text();
  image.state = ImageStateFromName(query.Text());
  image.engine = query.Text();
  image.engine_version = query.Text();
  image.version_text = query.Text();
  image.owner = static_cast<uid_t>(query.Int());
  image.durability = DurabilityFromText(query.Text());
  image.initial_database = query.Text();
  image.database = query.Text();
  image.created_at = query.Int();
  image.expires_at = query.Int();
  image.data_bytes = query.Int();
  image.disk_bytes = query.Int();
  image.index_file = query.Text();
  image.cache_key = query.Text();
  image.detail = query.Text();
  TRY_ASSIGN(image.tags, Texts("SELECT tag FROM image_tags WHERE image_id = ? ORDER BY tag", image.id));
  TRY_ASSIGN(image.teams, Texts("SELECT team FROM image_teams WHERE image_id = ? ORDER BY team", image.id));
  return image;
}

Result<std::vector<ImageRow>> Catalog::ReadImages(Query& query) {
  std::vector<ImageRow> images;
  while (true) {
    TRY_ASSIGN(const bool row, query.Step());
    if (!row) return images;
    TRY_ASSIGN(ImageRow image, ReadImage(query));
    images.push_back(std::move(image));
  }
}

Result<ImageRow> Catalog::ImageById(int64_t id) {
  TRY_ASSIGN(Query query, database_->Prepare("SELECT " IMAGE_COLUMNS " FROM images WHERE id = ?"));
  query.Bind(id);
  TRY_ASSIGN(auto images, ReadImages(query));
  if (images.empty()) return Fail(ErrorCode::kNotFound, "no data image '" + std::to_string(id) + "'");
  return std::move(images.front());
}

Result<ImageRow> Catalog::FindCachedImage(std::string_view cache_key) {
  TRY_ASSIGN(Query query, database_->Prepare("SELECT " IMAGE_COLUMNS " FROM images WHERE cache_key = ? AND "
                                             "cache_key <> '' AND state <> 'deleting'"));
  query.Bind(cache_key);
  TRY_ASSIGN(auto images, ReadImages(query));
  if (images.empty()) {
    return Fail(ErrorCode::kNotFound, "no image for '" + std::string(cache_key) + "'");
  }
  return std::move(images.front());
}

Result<ImageRow> Catalog::FindImage(std::string_view reference, const ImageFilter& filter) {
  const size_t colon = reference.rfind(':');
  const std::string_view name = reference.substr(0, colon);
  const std::string_view tag = colon == std::string_view::npos ? "" : reference.substr(colon + 1);
  // ?3 is empty for a bare name. Completed ones first, then the newest.
  TRY_ASSIGN(
      Query query,
      database_->Prepare("SELECT " IMAGE_COLUMNS " FROM images WHERE (id = ?1 OR (name = ?2 AND (?3 = '' OR "
                         "id IN (SELECT image_id FROM image_tags WHERE name = ?2 AND tag = ?3)))) "
                         "AND (cache_key = '' OR id = ?1) AND state <> 'deleting' "
                         "ORDER BY state = 'completed' DESC, id DESC"));
  const bool tag_missing = colon != std::string_view::npos && tag.empty();
  if (!tag_missing) {
    query.Bind(IdOf(reference)).Bind(name).Bind(tag);
    while (true) {
      TRY_ASSIGN(const bool row, query.Step());
      if (!row) break;
      TRY_ASSIGN(ImageRow image, ReadImage(query));
      if (!filter || filter(image)) return image;
    }
  }
  return Fail(ErrorCode::kNotFound, "no data image '" + std::string(reference) + "'",
              "'spawnctl get data-images' lists what there is.");
}

Result<std::vector<ImageRow>> Catalog::ListImages(Rows rows) {
  TRY_ASSIGN(Query query,
             database_->Prepare("SELECT " IMAGE_COLUMNS " FROM images "
                                "WHERE ?1 OR (cache_key = '' AND state <> 'deleting') ORDER BY id"));
  query.Bind(int64_t{rows == Rows::kAll});
  return ReadImages(query);
}

Result<std::vector<std::string>> Catalog::LayersOfImage(int64_t id) {
  return Texts("SELECT layer_id FROM image_layers WHERE image_id = ? ORDER BY layer_id", id);
}

Result<std::vector<std::pair<int64_t, std::string>>> Catalog::LayerUses() {
  TRY_ASSIGN(Query query, database_->Prepare("SELECT image_id, layer_id FROM image_layers JOIN images "
                                             "ON images.id = image_id WHERE state <> 'deleting'"));
  std::vector<std::pair<int64_t, std::string>> uses;
  while (true) {
    TRY_ASSIGN(const bool row, query.Step());
    if (!row) return uses;
    const int64_t image = query.Int();
    uses.emplace_back(image, query.Text());
  }
}

Result<std::vector<int64_t>> Catalog::ImagesUsingLayer(std::string_view layer_id) {
  TRY_ASSIGN(Query query,
             database_->Prepare("SELECT image_id FROM image_layers WHERE layer_id = ? ORDER BY image_id"));
  query.Bind(layer_id);
  std::vector<int64_t> ids;
  while (true) {
    TRY_ASSIGN(const bool row, query.Step());
    if (!row) return ids;
    ids.push_back(query.Int());
  }
}

Result<std::vector<std::string>> Catalog::LayersReferenced() {
  return Texts("SELECT DISTINCT layer_id FROM image_layers WHERE image_id > ? ORDER BY layer_id", 0);
}

}  // namespace spawnd::daemon
