/// Tags: each belongs to one completed image of a name, among those of one owner (ADR 3).
#include <array>

#include "daemon/catalog/database.h"
#include "daemon/catalog/images.h"

namespace spawnd::daemon {

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

}  // namespace spawnd::daemon
