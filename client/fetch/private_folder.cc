#include "client/fetch/private_folder.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <utility>

namespace spawnd::client {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "spawnctl-fetch-";
constexpr const char* kPlaceHint =
    "TMPDIR names another place for what is fetched; it needs room for a whole backup.";
/// A name that somebody else's sweep takes between its making and its lock is made anew.
constexpr int kTries = 8;

std::string Place() {
  const char* named = std::getenv("TMPDIR");
  return named != nullptr && *named == '/' ? named : "/var/tmp";
}

tl::unexpected<Error> CannotMake(int error, const std::string& place) {
  Error cause = ErrnoError(error, fmt::format("cannot make a folder in '{}'", place));
  cause.hint = kPlaceHint;
  return Fail(std::move(cause));
}

UniqueFd OpenFolder(const std::string& path) {
  return UniqueFd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

/// Whether `path` still is what `fd` has open.
bool IsStill(const std::string& path, int fd) {
  struct stat there {};
  struct stat open {};
  return ::lstat(path.c_str(), &there) == 0 && ::fstat(fd, &open) == 0 && there.st_ino == open.st_ino &&
         there.st_dev == open.st_dev;
}

/// Tools may have made folders that even their owner cannot write to.
void RemoveAll(const std::string& path) {
  std::error_code failed;
  fs::remove_all(path, failed);
  if (!failed) return;
  for (fs::recursive_directory_iterator it(path, failed), end; !failed && it != end; it.increment(failed)) {
    std::error_code ignored;
    if (it->is_directory(ignored) && !it->is_symlink(ignored)) {
      fs::permissions(it->path(), fs::perms::owner_all, ignored);
    }
  }
  fs::remove_all(path, failed);  // nobody is left to hear of it: the next run tries again
}

/// What runs that were killed have left behind: it is the caller's own, and nobody holds it.
void Sweep(const std::string& place) {
  std::error_code failed;
  for (fs::directory_iterator it(place, failed), end; !failed && it != end; it.increment(failed)) {
    if (!it->path().filename().string().starts_with(kPrefix)) continue;
    const UniqueFd folder = OpenFolder(it->path());
    struct stat st {};
    if (!folder.Valid() || ::fstat(folder.Get(), &st) != 0 || st.st_uid != ::geteuid()) continue;
    if (::flock(folder.Get(), LOCK_EX | LOCK_NB) == 0) RemoveAll(it->path());
  }
}

}  // namespace

PrivateFolder::PrivateFolder(PrivateFolder&& other) noexcept
    : path_(std::exchange(other.path_, {})), lock_(std::move(other.lock_)) {}

PrivateFolder& PrivateFolder::operator=(PrivateFolder&& other) noexcept {
  if (this == &other) return *this;
  Remove();
  path_ = std::exchange(other.path_, {});
  lock_ = std::move(other.lock_);
  return *this;
}

PrivateFolder::~PrivateFolder() {
  Remove();
}

void PrivateFolder::Remove() {
  if (!path_.empty()) RemoveAll(path_);
  path_.clear();
}

Result<PrivateFolder> PrivateFolder::Make() {
  const std::string place = Place();
  Sweep(place);
  for (int i = 0; i < kTries; ++i) {
    std::string path = fmt::format("{}/{}XXXXXX", place, kPrefix);
    if (::mkdtemp(path.data()) == nullptr) return CannotMake(errno, place);
    UniqueFd lock = OpenFolder(path);
    if (lock.Valid() && ::flock(lock.Get(), LOCK_EX | LOCK_NB) == 0 && IsStill(path, lock.Get())) {
      return PrivateFolder(std::move(path), std::move(lock));
    }
  }
  return CannotMake(EBUSY, place);
}

Result<UniqueFd> PrivateFolder::UnnamedFile() const {
  UniqueFd file(::open(path_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!file.Valid() && errno == EOPNOTSUPP) {
    // Some file systems have no such files: then it has a name for a moment.
    const std::string path = path_ + "/stream";
    file = UniqueFd(::open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
    if (file.Valid() && ::unlink(path.c_str()) != 0)
      return FailErrno(errno, fmt::format("cannot unlink '{}'", path));
  }
  if (!file.Valid()) {
    Error cause = ErrnoError(errno, fmt::format("cannot make a file in '{}'", path_));
    cause.hint = kPlaceHint;
    return Fail(std::move(cause));
  }
  return file;
}

int64_t PrivateFolder::BytesIn(const std::string& absolute_path) {
  int64_t bytes = 0;
  std::error_code failed;
  for (fs::recursive_directory_iterator it(absolute_path, failed), end; !failed && it != end;
       it.increment(failed)) {
    struct stat st {};
    if (::lstat(it->path().c_str(), &st) == 0 && S_ISREG(st.st_mode)) bytes += st.st_size;
  }
  return bytes;
}

}  // namespace spawnd::client
