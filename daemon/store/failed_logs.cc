#include "daemon/store/failed_logs.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <map>
#include <utility>
#include <vector>

#include "base/file.h"

namespace spawnd::daemon {
namespace {

constexpr std::string_view kSuffix = ".log";

struct Bounds {
  size_t files;
  uint64_t bytes;
};
constexpr Bounds kOfUser{20, uint64_t{64} << 20U};
constexpr Bounds kOfAll{200, uint64_t{512} << 20U};

/// A name as a file may have it.
std::string InFileName(std::string name) {
  std::replace(name.begin(), name.end(), '/', ',');
  return name;
}

struct Kept {
  FailedBuild build;  ///< with the name as InFileName
  std::string path;
  int64_t written_at = 0;  ///< seconds since 1970
  uint64_t bytes = 0;
};

template <typename Number>
bool ReadNumber(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

/// None: it is no file of ours.
std::optional<FailedBuild> BuildFromName(std::string_view name) {
  if (!name.ends_with(kSuffix)) return {};
  name.remove_suffix(kSuffix.size());
  const size_t first = name.find(',');
  const size_t second = name.find(',', first == std::string_view::npos ? first : first + 1);
  if (second == std::string_view::npos) return {};
  FailedBuild build;
  if (!ReadNumber(name.substr(0, first), build.id)) return {};
  if (!ReadNumber(name.substr(first + 1, second - first - 1), build.owner)) return {};
  build.name = name.substr(second + 1);
  return build;
}

/// Newest first.
std::vector<Kept> AllKept(const StoreLayout& layout) {
  std::vector<Kept> all;
  for (const std::string& name :
       PosixFileSystem().List(layout.FailedLogs()).value_or(std::vector<std::string>())) {
    auto build = BuildFromName(name);
    if (!build) continue;
    Kept kept{std::move(*build), layout.FailedLogs() + "/" + name};
    struct stat st {};
    if (::lstat(kept.path.c_str(), &st) != 0) continue;
    kept.written_at = st.st_mtim.tv_sec;
    kept.bytes = static_cast<uint64_t>(st.st_size);
    all.push_back(std::move(kept));
  }
  std::sort(all.begin(), all.end(), [](const Kept& a, const Kept& b) {
    return std::pair(a.written_at, a.build.id) > std::pair(b.written_at, b.build.id);
  });
  return all;
}

bool IsTooOld(const Kept& kept) {
  return std::time(nullptr) - kept.written_at > kFailedLogSeconds;
}

/// Counts one more; false when that is too many.
bool Count(Bounds& used, uint64_t bytes, const Bounds& bounds) {
  ++used.files;
  used.bytes += bytes;
  return used.files <= bounds.files && used.bytes <= bounds.bytes;
}

}  // namespace

Result<bool> KeepFailedLog(const StoreLayout& layout, const FailedBuild& build, const Error& why) {
  const std::string log = layout.ImageLog(build.id);
  struct stat st {};
  if (::lstat(log.c_str(), &st) != 0 || st.st_size == 0) return false;
  {
    // Said best effort: a full disk takes the last line away and not the log.
    std::ofstream end(log, std::ios::binary | std::ios::app);
    end << "error: " << why.message << "\n";
    if (!why.hint.empty()) end << "hint: " << why.hint << "\n";
  }
  const std::string kept = layout.FailedLogs() + "/" + std::to_string(build.id) + "," +
                           std::to_string(build.owner) + "," + InFileName(build.name) + std::string(kSuffix);
  if (::rename(log.c_str(), kept.c_str()) != 0) return FailErrno(errno, "cannot keep '" + log + "'");
  TRY(SweepFailedLogs(layout));
  return true;
}

std::optional<std::string> FindFailedLog(const StoreLayout& layout, std::string_view reference,
                                         std::optional<uid_t> owner) {
  int64_t id = 0;
  const bool is_id = ReadNumber(reference, id);
  const std::string name = InFileName(std::string(reference));
  for (Kept& kept : AllKept(layout)) {
    if ((owner && kept.build.owner != *owner) || IsTooOld(kept)) continue;
    if (is_id ? kept.build.id == id : kept.build.name == name) return std::move(kept.path);
  }
  return {};
}

Result<void> SweepFailedLogs(const StoreLayout& layout) {
  std::map<uid_t, Bounds> of_users;
  Bounds of_all{0, 0};
  for (const Kept& kept : AllKept(layout)) {
    Bounds& of_user = of_users.emplace(kept.build.owner, Bounds{0, 0}).first->second;
    // What its user may not have any more takes no room from others.
    if (!IsTooOld(kept) && Count(of_user, kept.bytes, kOfUser) && Count(of_all, kept.bytes, kOfAll)) continue;
    TRY(RemoveFile(kept.path));
  }
  return {};
}

}  // namespace spawnd::daemon
