#include "daemon/store/lost_and_found.h"

#include <algorithm>
#include <array>
#include <functional>

#include "base/file.h"

namespace spawnd::daemon {
namespace {

/// In UTC, so that names sort as time goes: "2026-11-27T104512Z".
std::string DateText(std::time_t now) {
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  const size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H%M%SZ", &parts);
  return {text.data(), length};
}

/// Makes the folders of `path` below `root`, each durable in its parent.
Result<void> MakeFolders(const std::string& root, std::string_view path) {
  for (size_t slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/', slash + 1)) {
    const std::string folder = root + "/" + std::string(path.substr(0, slash));
    TRY(PosixFileSystem().CreateDirectory(folder));
    TRY(PosixFileSystem().SyncDirectory(DirectoryOf(folder)));
  }
  return {};
}

Result<void> Move(const std::string& from, const std::string& to) {
  TRY(PosixFileSystem().Rename(from, to));
  // The new name before the old one's absence: a power cut may show both, never neither.
  TRY(PosixFileSystem().SyncDirectory(DirectoryOf(to)));
  return PosixFileSystem().SyncDirectory(DirectoryOf(from));
}

}  // namespace

LostAndFound::LostAndFound(const StoreLayout& layout, std::time_t now)
    : root_(layout.Root()), folder_(layout.LostAndFound()), date_(DateText(now)) {}

Result<std::string> LostAndFound::Keep(const std::string& path) {
  const std::string inside = path.substr(root_.size() + 1);
  TRY(PosixFileSystem().CreateDirectory(folder_));
  TRY(PosixFileSystem().SyncDirectory(root_));
  std::string date = date_;
  for (int number = 1;; ++number) {
    TRY_ASSIGN(const bool taken, PosixFileSystem().Exists(folder_ + "/" + date + "/" + inside));
    if (!taken) break;
    date = date_ + "." + std::to_string(number);
  }
  const std::string target = date + "/" + inside;
  TRY(MakeFolders(folder_, target));
  TRY(Move(path, folder_ + "/" + target));
  return folder_ + "/" + target;
}

Result<std::vector<std::string>> LostAndFound::Dates() {
  TRY_ASSIGN(const bool there, PosixFileSystem().Exists(folder_));
  if (!there) return std::vector<std::string>();
  TRY_ASSIGN(auto dates, PosixFileSystem().List(folder_));
  std::sort(dates.begin(), dates.end(), std::greater<>());
  return dates;
}

Result<std::optional<std::string>> LostAndFound::Find(const std::string& path) {
  TRY_ASSIGN(const bool there, PosixFileSystem().Exists(path));
  if (there) return std::optional<std::string>();
  TRY_ASSIGN(const auto dates, Dates());
  for (const std::string& date : dates) {
    const std::string kept = folder_ + "/" + date + path.substr(root_.size());
    const auto found = PosixFileSystem().Exists(kept);
    if (found && *found) return std::optional(kept);  // a file of somebody's own among the dates has none
  }
  return std::optional<std::string>();
}

Result<std::optional<std::string>> LostAndFound::TakeBack(const std::string& path) {
  TRY_ASSIGN(const auto kept, Find(path));
  if (!kept) return kept;
  TRY(Move(*kept, path));
  // What is empty now goes; the first that is not ends it.
  for (std::string folder = DirectoryOf(*kept); folder != folder_; folder = DirectoryOf(folder)) {
    if (!PosixFileSystem().RemoveDirectory(folder)) break;
  }
  return kept;
}

}  // namespace spawnd::daemon
