/// The images of the catalog with their tags, teams and layers. A part of Catalog, which says what holds for
/// all tables: loop thread only, each call one transaction.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "daemon/catalog/rows.h"

namespace spawnd::daemon {

class Database;
class Query;

/// How many containers of an image are to be started before somebody asks.
struct WantedPool {
  int64_t image_id = 0;
  int64_t count = 0;
};

class ImageTable {
 public:
  /// What a caller may see; empty: everything.
  using Filter = std::function<bool(const ImageRow&)>;

  explicit ImageTable(Database& database) : database_(database) {}

  /// A pending image, with tags and teams; its tags count only once it is completed. row.id 0: takes a new id
  /// in the same transaction. Returns the id. kAlreadyExists when the cache key is taken, kInvalidArgument
  /// for more than kMaxTagsOfImage or kMaxTeamsOfImage.
  Result<int64_t> Insert(const ImageRow& row);
  /// A layer that a pending image will refer to, kept from now on as ImageRow::leased_layers are.
  Result<void> Lease(int64_t id, const std::string& layer_id);
  /// pending -> completed. Its tags leave older completed images of the name that are the same owner's; a tag
  /// that a newer one has by now is not taken back.
  Result<void> Complete(int64_t id, const ImageCompletion& completion);
  /// pending -> failed; what is left of it goes a lifetime from `now`.
  Result<void> MarkFailed(int64_t id, std::string_view detail, int64_t now);
  /// completed -> failed, because its files are damaged. A hidden one becomes visible, so that it can be
  /// deleted, and the next build makes a new one.
  Result<void> MarkDamaged(int64_t id, std::string_view detail);
  /// Any state -> deleting: not found by name or tag any more. kInUse when living containers use it, naming
  /// those that are `asker`'s.
  Result<void> MarkDeleting(int64_t id, uid_t asker = 0);
  /// Forgets the row, its tags, teams and layers. kInUse while any container row refers to it.
  Result<void> Remove(int64_t id);
  /// Tags are added and leave the owner's image of the name that has them; with a new name the image's own
  /// tags move along and do the same there. kInvalidArgument as Insert, changing nothing.
  Result<void> Update(int64_t id, const ImageChange& change);

  /// "10001", "name" or "name:tag" among the listed images that pass `filter`: the newest completed one, else
  /// the newest of any state (so that one can look at a failed image by its name). By its id also a hidden
  /// one. kNotFound.
  Result<ImageRow> Find(std::string_view reference, const Filter& filter = {});
  /// Any image, also hidden or being deleted. kNotFound.
  Result<ImageRow> ById(int64_t id);
  /// The hidden image with this key, in whatever state but deleting. kNotFound.
  Result<ImageRow> FindCached(std::string_view cache_key);
  Result<std::vector<ImageRow>> List(Rows rows = Rows::kListed);  ///< by id
  Result<std::vector<std::string>> LayersOf(int64_t id);
  /// Every pair of an image (not one that is being deleted) and a layer that it refers to, hidden ones too.
  Result<std::vector<std::pair<int64_t, std::string>>> LayerUses();
  Result<std::vector<int64_t>> UsingLayer(std::string_view layer_id);
  /// Every layer that some image refers to; garbage collection keeps exactly these and what is leased.
  Result<std::vector<std::string>> LayersReferenced();
  /// That a container is made of it, at `now`. Noted once a minute at most: the note is a write of its own.
  Result<void> NoteUseInTransaction(int64_t id, int64_t now);
  /// Of completed images, built-in ones too: those that are to have pooled containers, the one that was used
  /// last first. `by_default`: of those that do not say, and were used at `since` or later.
  Result<std::vector<WantedPool>> WantedPools(int64_t by_default, int64_t since);
  /// Completed and failed ones whose time has come and that no living container uses. By id.
  Result<std::vector<int64_t>> Expired(int64_t now);
  /// Those of a data source, in any state but deleting, without hidden ones. By id.
  Result<std::vector<ImageRow>> OfSource(int64_t source_id);

 private:
  Result<ImageRow> Read(Query& query);
  Result<std::vector<ImageRow>> ReadAll(Query& query);
  Result<std::vector<std::string>> Texts(std::string_view sql, int64_t image_id);
  Result<void> ExpectPendingInTransaction(int64_t id);
  Result<void> AddTextsInTransaction(std::string_view sql, int64_t id, const std::vector<std::string>& texts);
  Result<void> AddTeamsInTransaction(int64_t id, const std::vector<std::string>& teams,
                                     const std::vector<std::string>& idle_teams);
  Result<std::string> UsersInWords(int64_t id, uid_t asker);
  Result<void> AddLayersInTransaction(int64_t id, const std::vector<std::string>& layers);
  /// An image that has too many is left as it was.
  Result<void> CheckLabelCountInTransaction(int64_t id);

  Result<void> TakeTagsInTransaction(int64_t id);
  Result<void> RenameInTransaction(int64_t id, const std::string& name);
  Result<void> AddTagInTransaction(int64_t id, const std::string& tag);

  Database& database_;
};

}  // namespace spawnd::daemon
