/// Holds the catalog and the files of a state directory against each other, and every file against its
/// checksums. Changes nothing; each finding knows how to repair itself.
///
/// Single thread, while no daemon serves the directory. Containers may run: what a keeper has open is left
/// out. Nothing that somebody could want is ever deleted by a repair: it moves to "lost+found" in the state
/// directory.
#pragma once

#include <ctime>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "daemon/catalog/catalog.h"
#include "daemon/store/layout.h"
#include "daemon/store/lost_and_found.h"

namespace spawnd::daemon {

struct Finding {
  std::string file;
  std::string problem;
  std::string affects;  ///< "data image 'shop' (10001)"; empty: nobody
  std::string remedy;   ///< what `repair` does; without one, what a person can do
  std::function<Result<void>()> repair;
};

class FsckCheck {
 public:
  FsckCheck(const StoreLayout& layout, Catalog& catalog)
      : layout_(layout), catalog_(catalog), lost_(layout, std::time(nullptr)) {}

  /// Errors are those that keep it from looking: kIo, kForbidden.
  Result<std::vector<Finding>> Run();

 private:
  Result<void> ReadCatalog();
  Result<void> CheckLayers();
  Result<void> CheckDamagedLayer(const std::string& layer, const Error& error);
  Result<void> CheckIndexes();
  /// As a start of the daemon (daemon/set_aside.h), but that no container gets a row.
  Result<void> CheckUnknown();
  Result<void> CheckManifests();
  Result<void> CheckUnfinished(const std::string& folder, const std::string& suffix);
  Result<void> CheckBuilds();
  Result<void> CheckContainers();
  Result<void> CheckVolume(const ContainerRow& row, const std::string& volume);
  Result<void> CheckUnneeded(const ContainerRow& row, const std::string& volume);
  bool IsNeeded(const ContainerRow& row, const std::string& volume) const;

  std::string Describe(const std::vector<ImageRow>& images) const;
  std::function<Result<void>()> FailImages(const std::vector<ImageRow>& images, const std::string& why);
  void AddDelete(const std::string& path, const std::string& problem);
  /// True: some of `paths` were missing and lie in lost+found, from where a start would take them back too.
  Result<bool> AddTakeBack(const std::vector<std::string>& paths, const std::string& affects);
  void AddMove(const std::vector<std::string>& paths, const std::string& problem);
  void AddUnread(const std::string& path, const Error& error, const std::string& affects);

  const StoreLayout& layout_;
  Catalog& catalog_;
  LostAndFound lost_;
  std::vector<Finding> findings_;
  std::vector<ImageRow> images_;
  std::vector<ContainerRow> containers_;
  std::map<std::string, std::vector<int64_t>, std::less<>> users_;  ///< completed images of a layer
  std::set<int64_t> damaged_;  ///< images with a layer that is damaged, elsewhere, or cannot be read
};

/// Whether a keeper has this container's directory open; an error when that cannot be told.
Result<bool> KeeperRuns(const std::string& directory);

}  // namespace spawnd::daemon
