#include "daemon/fsck/fsck.h"

#include <unistd.h>

#include <cstdio>
#include <utility>
#include <vector>

#include "api/json_writer.h"
#include "api/mapping.h"
#include "base/file.h"
#include "daemon/catalog/catalog.h"
#include "daemon/fsck/check.h"
#include "daemon/fsck/rebuild.h"
#include "daemon/store/generation.h"
#include "daemon/store/layout.h"
#include "daemon/store/state_lock.h"

namespace spawnd::daemon {
namespace {

struct Outcome {
  Finding finding;
  bool repaired = false;
  std::string failure;  ///< why a repair did not work; usually empty
};

Finding DamagedCatalog(const std::string& path, const std::string& problem) {
  return {
      path,
      problem,
      "everything",
      "move it out of the way, then make one of the manifests: fsck --rebuild-catalog, or put catalog.bak in "
      "its place, which is older (A LOST CATALOG in spawnd(8))",
      {}};
}

/// Whose catalog is the wrong one has lost nothing yet, and may be sorry for whatever is done by it.
std::vector<Finding> BesideOlderCatalog(const std::string& path, const std::string& problem,
                                        std::vector<Finding> others) {
  for (Finding& finding : others) {
    finding.remedy = "none before it is clear which catalog it is";
    finding.repair = {};
  }
  others.insert(others.begin(), Finding{path,
                                        problem,
                                        "everything that is newer",
                                        "put the right one back, or go on with this one by fsck "
                                        "--accept-older-catalog (AN OLDER CATALOG in spawnd(8))",
                                        {}});
  return others;
}

/// The catalog alone, and everything else only when it can be believed.
Result<std::vector<Finding>> Check(const StoreLayout& layout, bool repair, std::unique_ptr<Catalog>& catalog,
                                   std::unique_ptr<FsckCheck>& check) {
  auto opened = repair ? Catalog::Open(layout.Catalog()) : Catalog::OpenToLook(layout.Catalog());
  if (!opened && opened.error().code == ErrorCode::kCorrupt) {
    return std::vector<Finding>{DamagedCatalog(layout.Catalog(), opened.error().message)};
  }
  TRY_ASSIGN(catalog, std::move(opened));
  TRY_ASSIGN(const auto complaints, catalog->CheckIntegrity());
  if (!complaints.empty()) {
    return std::vector<Finding>{DamagedCatalog(layout.Catalog(), complaints.front())};
  }
  check = std::make_unique<FsckCheck>(layout, *catalog);
  TRY_ASSIGN(auto findings, check->Run());
  TRY_ASSIGN(const auto older, CatalogIsOlder(layout, *catalog));
  if (older) return BesideOlderCatalog(layout.Catalog(), *older, std::move(findings));
  return findings;
}

std::vector<Outcome> Repair(std::vector<Finding> findings, bool repair) {
  std::vector<Outcome> outcomes;
  for (Finding& finding : findings) {
    Outcome outcome{std::move(finding), false, {}};
    if (repair && outcome.finding.repair) {
      const auto repaired = outcome.finding.repair();
      outcome.repaired = repaired.has_value();
      if (!repaired) outcome.failure = repaired.error().message;
    }
    outcomes.push_back(std::move(outcome));
  }
  return outcomes;
}

void Describe(auto& visit, api::Is<Outcome> auto& x) {
  visit.Field("file", x.finding.file);
  visit.Field("problem", x.finding.problem);
  visit.Field("affects", x.finding.affects);
  visit.Field("remedy", x.finding.remedy);
  visit.Field("repaired", x.repaired);
  visit.Field("failure", x.failure);
}

void PrintText(const std::vector<Outcome>& outcomes, bool repair) {
  for (const Outcome& outcome : outcomes) {
    const Finding& finding = outcome.finding;
    std::printf("%s\n  problem: %s\n", finding.file.c_str(), finding.problem.c_str());
    if (!finding.affects.empty()) std::printf("  affects: %s\n", finding.affects.c_str());
    std::printf("  %s: %s\n", outcome.repaired ? "repaired" : "remedy", finding.remedy.c_str());
    if (!outcome.failure.empty()) std::printf("  not repaired: %s\n", outcome.failure.c_str());
  }
  if (outcomes.empty()) {
    std::printf("clean\n");
  } else if (!repair) {
    std::printf("%zu found, nothing changed; --repair does what stands under remedy\n", outcomes.size());
  }
}

Result<void> CheckRoot() {
  if (::geteuid() == 0) return {};
  return Fail(ErrorCode::kForbidden, "fsck needs root to read the store", "Start it with sudo.");
}

Result<UniqueFd> LockWithCatalog(const StoreLayout& layout) {
  TRY(CheckRoot());
  TRY(RequireCatalog(layout));
  return LockStateDirectory(layout.Root());
}

}  // namespace

Result<void> RebuildCatalog(const std::string& state_directory) {
  TRY(CheckRoot());
  const StoreLayout layout(state_directory);
  TRY_ASSIGN(const bool there, PosixFileSystem().Exists(layout.Images()));
  if (!there) {
    return Fail(ErrorCode::kNotFound, "'" + layout.Root() + "' is no state directory: it has no images",
                "Name one with --state-dir.");
  }
  TRY_ASSIGN(const UniqueFd lock, LockStateDirectory(layout.Root()));
  TRY_ASSIGN(const Rebuilt rebuilt, MakeCatalogOfManifests(layout));
  for (const std::string& line : rebuilt.missing) std::printf("not in it: %s\n", line.c_str());
  std::printf("'%s' has %zu data images and %zu data containers; access tokens have to be made anew\n",
              layout.Catalog().c_str(), rebuilt.images, rebuilt.containers);
  return {};
}

Result<void> AcceptCatalog(const std::string& state_directory) {
  const StoreLayout layout(state_directory);
  TRY_ASSIGN(const UniqueFd lock, LockWithCatalog(layout));
  TRY_ASSIGN(const auto catalog, Catalog::Open(layout.Catalog()));
  TRY_ASSIGN(const auto older, CatalogIsOlder(layout, *catalog));
  if (!older) {
    std::printf("'%s' is not older than what is beside it: nothing was changed\n", layout.Catalog().c_str());
    return {};
  }
  TRY(AcceptOlderCatalog(layout, *catalog, layout.Catalog()));
  std::printf("'%s' is the catalog of '%s' from now on; the next start keeps what it does not know\n",
              layout.Catalog().c_str(), layout.Root().c_str());
  return {};
}

Result<size_t> Fsck(const FsckOptions& options) {
  const StoreLayout layout(options.state_directory);
  TRY_ASSIGN(const UniqueFd lock, LockWithCatalog(layout));
  std::unique_ptr<Catalog> catalog;
  std::unique_ptr<FsckCheck> check;  // findings refer to both
  TRY_ASSIGN(auto findings, Check(layout, options.repair, catalog, check));
  const std::vector<Outcome> outcomes = Repair(std::move(findings), options.repair);
  if (options.json) {
    std::printf("%s\n", api::JsonOf(outcomes, api::Empties::kKeep).c_str());
  } else {
    PrintText(outcomes, options.repair);
  }
  size_t left = 0;
  for (const Outcome& outcome : outcomes) left += outcome.repaired ? 0 : 1;
  return left;
}

}  // namespace spawnd::daemon
