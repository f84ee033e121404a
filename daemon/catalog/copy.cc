#include "daemon/catalog/copy.h"

#include <fcntl.h>
#include <sys/statvfs.h>

#include <cerrno>

#include "base/file.h"
#include "base/unique_fd.h"

namespace spawnd::daemon {
namespace {

/// The copy, as much again for the log of whatever comes after it, and some that others write meanwhile.
constexpr int64_t kCopies = 2;
constexpr int64_t kSpareBytes = int64_t{1} << 20U;

Result<int64_t> ReadNumber(Database& database, const char* sql) {
  TRY_ASSIGN(Query query, database.Prepare(sql));
  TRY_ASSIGN(const bool row, query.Step());
  return row ? query.Int() : 0;
}

Result<void> CheckRoom(Database& database, const std::string& target) {
  TRY_ASSIGN(const int64_t pages, ReadNumber(database, "PRAGMA page_count"));
  TRY_ASSIGN(const int64_t page_bytes, ReadNumber(database, "PRAGMA page_size"));
  const int64_t wanted = pages * page_bytes * kCopies + kSpareBytes;
  struct statvfs disk {};
  if (::statvfs(DirectoryOf(target).c_str(), &disk) != 0)
    return FailErrno(errno, "cannot ask how much room there is for '" + target + "'");
  const auto room = static_cast<int64_t>(disk.f_bavail * disk.f_frsize);
  if (room >= wanted) return {};
  return Fail(ErrorCode::kNoSpace,
              "no room for a copy of the catalog, '" + target + "': " + std::to_string(wanted) +
                  " bytes are wanted, and " + std::to_string(room) + " are free",
              "Make room on that disk; nothing was changed.");
}

/// An empty file, which is what VACUUM INTO takes besides none, for the mode.
Result<void> MakeEmpty(const std::string& path) {
  const UniqueFd made(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!made.Valid()) return FailErrno(errno, "cannot make '" + path + "'");
  return {};
}

Result<void> WriteInto(Database& database, const std::string& path) {
  TRY(MakeEmpty(path));
  {
    TRY_ASSIGN(Query query, database.Prepare("VACUUM INTO ?"));
    query.Bind(std::string_view(path));
    TRY_ASSIGN(const bool row, query.Step());
    static_cast<void>(row);
  }
  // VACUUM INTO leaves that to whoever asks for it.
  TRY_ASSIGN(const auto file, PosixFileSystem().Open(path, OpenMode::kReadWrite));
  return file->Sync();
}

}  // namespace

Result<void> CopyDatabase(Database& database, const std::string& target) {
  TRY(CheckRoom(database, target));
  const std::string unfinished = target + ".new";
  if (const auto written = WriteInto(database, unfinished); !written) {
    static_cast<void>(PosixFileSystem().Remove(unfinished));  // the failure is what is told
    return Fail(written.error().Wrap("cannot copy the catalog to '" + target + "'"));
  }
  TRY(PosixFileSystem().Rename(unfinished, target));
  return PosixFileSystem().SyncDirectory(DirectoryOf(target));
}

Result<void> CopyCatalog(const std::string& path, const std::string& target) {
  TRY_ASSIGN(const auto database, Database::Open(path));
  return CopyDatabase(*database, target);
}

}  // namespace spawnd::daemon
