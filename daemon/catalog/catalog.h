/// What exists: images, containers and the counter their ids come from, in one SQLite file.
///
/// Loop thread only; every call is one short transaction (tens of microseconds to read, one fdatasync to
/// write). A call that returned success survives power loss (WAL, synchronous=FULL); a call that failed
/// changed nothing. The file is 0600: it holds the containers' passwords.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "daemon/catalog/rows.h"

namespace spawnd::daemon {

class Database;
class Query;

/// Which rows a list has: what users may see, or all there is, for recovery and garbage collection.
enum class Rows {
  kListed,  ///< without hidden images and without what is being deleted
  kAll,
};

class Catalog {
 public:
  /// Opens or makes the file. Errors: kCorrupt (not a catalog, or damaged), kUnsupported (written by a newer
  /// spawnd), kNoSpace, kIo. A file that cannot be used is never changed.
  static Result<std::unique_ptr<Catalog>> Open(const std::string& path);
  Catalog(const Catalog&) = delete;
  Catalog& operator=(const Catalog&) = delete;
  ~Catalog();

  /// The next number of the one sequence, from 10001. Never given twice, whatever happens.
  Result<int64_t> NewId();

  /// What SQLite has to say against the file; empty when it is sound. Reads all of it.
  Result<std::vector<std::string>> CheckIntegrity();

  // --- images (catalog_images.cc) ---

  /// What a caller may see; empty: everything.
  using ImageFilter = std::function<bool(const ImageRow&)>;

  /// A pending image, with tags and teams; its tags count only once it is completed. row.id 0: takes a new id
  /// in the same transaction. Returns the id. kAlreadyExists when the cache key is taken, kInvalidArgument
  /// for more than kMaxTagsOfImage or kMaxTeamsOfImage.
  Result<int64_t> InsertImage(const ImageRow& row);
  /// pending -> completed. Its tags leave older completed images of the name that are the same owner's; a tag
  /// that a newer one has by now is not taken back.
  Result<void> CompleteImage(int64_t id, const ImageCompletion& completion);
  /// pending -> failed; what is left of it goes a lifetime from `now`.
  Result<void> FailImage(int64_t id, std::string_view detail, int64_t now);
  /// completed -> failed, because its files are damaged. A hidden one becomes visible, so that it can be
  /// deleted, and the next build makes a new one.
  Result<void> FailDamagedImage(int64_t id, std::string_view detail);
  /// Any state -> deleting: not found by name or tag any more. kInUse, naming them, when living containers
  /// use it.
  Result<void> MarkImageDeleting(int64_t id);
  /// Forgets the row, its tags, teams and layers. kInUse while any container row refers to it.
  Result<void> RemoveImage(int64_t id);

  /// "10001", "name" or "name:tag" among the listed images that pass `filter`: the newest completed one, else
  /// the newest of any state (so that one can look at a failed image by its name). By its id also a hidden
  /// one. kNotFound.
  Result<ImageRow> FindImage(std::string_view reference, const ImageFilter& filter = {});
  /// Any image, also hidden or being deleted. kNotFound.
  Result<ImageRow> ImageById(int64_t id);
  /// The hidden image with this key, in whatever state but deleting. kNotFound.
  Result<ImageRow> FindCachedImage(std::string_view cache_key);
  Result<std::vector<ImageRow>> ListImages(Rows rows = Rows::kListed);  ///< by id
  Result<std::vector<std::string>> LayersOfImage(int64_t id);
  /// Every pair of an image (not one that is being deleted) and a layer that it refers to, hidden ones too.
  Result<std::vector<std::pair<int64_t, std::string>>> LayerUses();
  Result<std::vector<int64_t>> ImagesUsingLayer(std::string_view layer_id);
  /// Every layer that some image refers to; garbage collection keeps exactly these and what is leased.
  Result<std::vector<std::string>> LayersReferenced();

  /// catalog_changes.cc. Tags are added and leave the owner's image of the name that has them; with a new
  /// name the image's own tags move along and do the same there. kInvalidArgument as InsertImage, changing
  /// nothing.
  Result<void> UpdateImage(int64_t id, const ImageChange& change);
  /// Completed and failed ones whose time has come and that no living container uses. By id.
  Result<std::vector<int64_t>> ExpiredImages(int64_t now);

  // --- access tokens (catalog_tokens.cc) ---

  Result<int64_t> InsertToken(const TokenRow& row);
  Result<TokenRow> TokenById(int64_t id);  ///< kNotFound
  Result<std::vector<TokenRow>> ListTokens();
  Result<void> NoteTokenUse(int64_t id, int64_t now);
  Result<void> RemoveToken(int64_t id);  ///< kNotFound

  // --- containers (catalog_containers.cc) ---

  /// catalog_changes.cc. kAlreadyExists when a living container has the name.
  Result<void> UpdateContainer(int64_t id, const ContainerChange& change);
  /// The living ones whose time has come. By id. One that is being created has its whole life before it.
  Result<std::vector<int64_t>> ExpiredContainers(int64_t now);
  /// When the next container or image expires after `now`; 0: none will.
  Result<int64_t> NextExpiry(int64_t now);

  using ContainerFilter = std::function<bool(const ContainerRow&)>;

  /// A container in state creating. row.id 0: takes a new id in the same transaction. Returns the id. Errors:
  /// kAlreadyExists (a living container has the name), kInUse (a container has the port), kNotFound (the
  /// image is gone, being deleted or not completed).
  Result<int64_t> InsertContainer(const ContainerRow& row);
  /// Any state but reverting. What it was to go back to is forgotten, and that it was to stay down.
  Result<void> SetContainerState(int64_t id, ContainerState state, std::string_view detail = {});
  /// -> failed, and no start of the daemon is a new chance: it waits for a person.
  Result<void> KeepContainerDown(int64_t id, std::string_view why);
  /// -> running, with what its start took. Its lifetime counts from `now`.
  Result<void> CompleteContainer(int64_t id, double ready_milliseconds,
                                 const std::vector<std::pair<std::string, double>>& timings, int64_t now);
  /// For a container whose port turned out to be taken by someone else. kInUse as InsertContainer.
  Result<void> SetContainerPort(int64_t id, uint16_t port);
  /// Adds the revisions that are not known yet (catalog_revisions.cc).
  Result<void> NoteRevisions(int64_t id, const std::vector<RevisionRow>& revisions);
  /// As NoteRevisions, and the last one is the container's current revision.
  Result<void> NoteSaved(int64_t id, const std::vector<RevisionRow>& revisions);
  /// -> reverting. From here on no start of the container may come without going back.
  Result<void> BeginRevert(int64_t id, uint32_t number);
  /// reverting -> running, at that revision.
  Result<void> FinishRevert(int64_t id, uint32_t number);
  /// -> deleting. The name is free from here on; the port is when the row is removed.
  Result<void> MarkContainerDeleting(int64_t id);
  Result<void> RemoveContainer(int64_t id);

  /// "10002" or a name, among the living that pass `filter`. kNotFound.
  Result<ContainerRow> FindContainer(std::string_view reference, const ContainerFilter& filter = {});
  /// Any container, also one that is being deleted. kNotFound.
  Result<ContainerRow> ContainerById(int64_t id);
  Result<std::vector<ContainerRow>> ListContainers(Rows rows = Rows::kListed);  ///< by id
  /// All that refer to the image, those being deleted included.
  Result<std::vector<ContainerRow>> ContainersOfImage(int64_t image_id);
  /// Ports that rows hold, those being deleted included. Sorted.
  Result<std::vector<uint16_t>> UsedPorts();

 private:
  explicit Catalog(std::unique_ptr<Database> database);

  Result<int64_t> IdFor(int64_t wanted);
  Result<void> ExpectChange(std::string_view kind, int64_t id);
  Result<std::vector<int64_t>> Numbers(const char* sql, int64_t parameter);
  Result<void> TakeTags(int64_t id);
  Result<void> RenameImage(int64_t id, const std::string& name);
  Result<void> AddTag(int64_t id, const std::string& tag);
  Result<void> CheckLabelCount(int64_t id);
  Result<std::vector<TokenRow>> ReadTokens(Query& query);
  Result<void> InsertTexts(const char* sql, int64_t image_id, const std::vector<std::string>& texts);
  Result<std::vector<std::string>> Texts(const char* sql, int64_t image_id);
  Result<void> FinishPending(Query& query, int64_t id);
  Result<ImageRow> ReadImage(Query& query);
  Result<std::vector<ImageRow>> ReadImages(Query& query);
  Result<void> CheckContainerClash(const ContainerRow& row);
  Result<void> CheckContainerName(const std::string& name, int64_t except_id);
  Result<void> CheckPort(uint16_t port, int64_t except_id);
  Result<void> AddRevisions(int64_t id, const std::vector<RevisionRow>& revisions);
  Result<void> WriteContainerState(int64_t id, ContainerState state, std::string_view detail,
                                   bool stays_down);
  Result<void> ReadRevisions(std::vector<ContainerRow>& containers);

  std::unique_ptr<Database> database_;
};

}  // namespace spawnd::daemon
