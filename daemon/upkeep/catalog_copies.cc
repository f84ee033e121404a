#include "daemon/upkeep/catalog_copies.h"

#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <ctime>

#include "base/file.h"
#include "daemon/catalog/copy.h"

namespace spawnd::daemon {
namespace {

constexpr std::chrono::hours kBetweenLooks{1};

std::string Numbered(const StoreLayout& layout, int number) {
  return layout.CatalogCopy() + (number == 0 ? "" : "." + std::to_string(number));
}

/// The newest keeps its name as well until the next takes it: it is a link, not a rename.
Result<void> MakeWay(const StoreLayout& layout) {
  for (int number = kCatalogCopies - 2; number > 0; --number) {
    const auto renamed = PosixFileSystem().Rename(Numbered(layout, number), Numbered(layout, number + 1));
    if (!renamed && renamed.error().code != ErrorCode::kNotFound) return renamed;
  }
  const std::string newest = Numbered(layout, 0);
  if (::link(newest.c_str(), Numbered(layout, 1).c_str()) != 0 && errno != ENOENT)
    return FailErrno(errno, "cannot keep '" + newest + "'");
  return {};
}

}  // namespace

Result<void> CopyCatalogNow(const StoreLayout& layout) {
  // First the copy, under a name of its own: one that fails has cost none of the others.
  const std::string fresh = layout.CatalogCopy() + ".now";
  TRY(CopyCatalog(layout.Catalog(), fresh));
  TRY(MakeWay(layout));
  TRY(PosixFileSystem().Rename(fresh, layout.CatalogCopy()));
  return PosixFileSystem().SyncDirectory(layout.Root());
}

bool CatalogCopyIsDue(const StoreLayout& layout, int64_t now) {
  struct stat newest {};
  if (::stat(layout.CatalogCopy().c_str(), &newest) != 0) return true;
  const int64_t age = now - newest.st_mtime;
  return age >= kSecondsBetweenCopies || age <= -kSecondsBetweenCopies;
}

Result<void> CatalogCopies::Start(uv_loop_t* loop) {
  CopyIfDue();
  TRY_ASSIGN(timer_, WatchTime(loop, kBetweenLooks, kBetweenLooks, [this] { CopyIfDue(); }));
  return {};
}

void CatalogCopies::CopyIfDue() {
  if (under_way_ || !CatalogCopyIsDue(layout_, std::time(nullptr))) return;
  under_way_ = true;
  jobs_.Run({.owner = kForDaemon,
             .work =
                 [this](const std::stop_token&) {
                   mailbox_.Post([this, copied = CopyCatalogNow(layout_)] { End(copied); });
                 },
             .dropped = [](const Error&) {}});
}

void CatalogCopies::End(const Result<void>& copied) {
  under_way_ = false;
  if (!copied) return spdlog::error("the catalog has no new copy: {}", copied.error().message);
  spdlog::info("'{}' is a copy of the catalog of now", layout_.CatalogCopy());
  copied_();
}

}  // namespace spawnd::daemon
