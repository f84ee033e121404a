/// Tags: each belongs to one completed image of a name, among those of one owner (docs/adr/0003).
#include <array>

#include "daemon/catalog/catalog.h"
#include "daemon/catalog/database.h"

namespace spawnd::daemon {

/// Inside a transaction. A tag goes to the newest completed image of the name that carries it. Builds may end
/// in another order than they began: what a newer one has taken meanwhile stays there and is struck off here.
Result<void> Catalog::TakeTags(int64_t id) {
  constexpr std::array<const char*, 3> kSteps{
      "DELETE FROM image_tags WHERE image_id = ?1 AND EXISTS (SELECT 1 FROM image_tags AS other "
      "WHERE other.owner = image_tags.owner AND other.name = image_tags.name AND other.tag = image_tags.tag "
      "AND other.active = 1 AND other.image_id > ?1)",
      "DELETE FROM image_tags WHERE active = 1 AND image_id < ?1 AND EXISTS (SELECT 1 FROM image_tags AS "
      "mine "
      "WHERE mine.image_id = ?1 AND mine.owner = image_tags.owner AND mine.name = image_tags.name "
      "AND mine.tag = image_tags.tag)",
      "UPDATE image_tags SET active = 1 WHERE image_id = ?1"};
  for (const char* sql : kSteps) {
    TRY_ASSIGN(Query query, database_->Prepare(sql));
    TRY(query.Bind(id).Run());
  }
  return {};
}

/// Inside a transaction. The image's tags move along and leave the owner's image that has them there.
Result<void> Catalog::RenameImage(int64_t id, const std::string& name) {
  {
    TRY_ASSIGN(Query query, database_->Prepare("UPDATE images SET name = ? WHERE id = ?"));
    TRY(query.Bind(name).Bind(id).Run());
    TRY(ExpectChange("data image", id));
  }
  {
    TRY_ASSIGN(Query query,
               database_->Prepare(
                   "DELETE FROM image_tags WHERE active = 1 AND name = ?1 AND image_id <> ?2 AND EXISTS "
                   "(SELECT 1 FROM image_tags AS mine WHERE mine.image_id = ?2 AND mine.active = 1 "
                   "AND mine.owner = image_tags.owner AND mine.tag = image_tags.tag)"));
    TRY(query.Bind(name).Bind(id).Run());
  }
  TRY_ASSIGN(Query query, database_->Prepare("UPDATE image_tags SET name = ? WHERE image_id = ?"));
  return query.Bind(name).Bind(id).Run();
}

/// Inside a transaction. Of an image that is not completed yet a tag only counts from then on (TakeTags).
Result<void> Catalog::AddTag(int64_t id, const std::string& tag) {
  TRY_ASSIGN(const ImageRow image, ImageById(id));
  const bool completed = image.state == ImageState::kCompleted;
  if (completed) {
    TRY_ASSIGN(
        Query query,
        database_->Prepare("DELETE FROM image_tags WHERE owner = ? AND name = ? AND tag = ? AND active = 1"));
    TRY(query.Bind(int64_t{image.owner}).Bind(image.name).Bind(tag).Run());
  }
  TRY_ASSIGN(Query query,
             database_->Prepare("INSERT OR REPLACE INTO image_tags (image_id, tag, owner, name, active) "
                                "VALUES (?,?,?,?,?)"));
  return query.Bind(id).Bind(tag).Bind(int64_t{image.owner}).Bind(image.name).Bind(int64_t{completed}).Run();
}

/// Inside a transaction: an image that has too many is left as it was.
Result<void> Catalog::CheckLabelCount(int64_t id) {
  TRY_ASSIGN(const ImageRow image, ImageById(id));
  const auto refuse = [&image](std::string_view noun, size_t limit) {
    return Fail(ErrorCode::kInvalidArgument,
                "data image '" + image.name + "' would have more than " + std::to_string(limit) + " " +
                    std::string(noun),
                "Give a new image the new " + std::string(noun) + ", or delete this one.");
  };
  if (image.tags.size() > kMaxTagsOfImage) return refuse("tags", kMaxTagsOfImage);
  if (image.teams.size() > kMaxTeamsOfImage) return refuse("teams", kMaxTeamsOfImage);
  return {};
}

}  // namespace spawnd::daemon
