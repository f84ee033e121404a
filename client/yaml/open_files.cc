#include "client/yaml/open_files.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "client/http/exchange.h"

namespace spawnd::client {
namespace {

enum class Wanted { kFileOrFolder, kFolder };

/// Why a file of this kind is of no use, with what to do; empty: it is of use.
std::pair<std::string, std::string> Objection(mode_t mode, Wanted wanted) {
  if (wanted == Wanted::kFolder) {
    if (S_ISDIR(mode)) return {};
    return {"it is a file", "Name the folder that it is in."};
  }
  if (S_ISREG(mode) || S_ISDIR(mode) || S_ISFIFO(mode)) return {};
  if (S_ISSOCK(mode)) return {"it is a socket", "Copy it with cat: `cat <file> | spawnctl ...`."};
  return {"it is a device", {}};
}

Result<void> CheckKind(mode_t mode, Wanted wanted, const NamedFile& file) {
  auto [objection, hint] = Objection(mode, wanted);
  if (objection.empty()) return {};
  return Fail(ErrorCode::kInvalidArgument, fmt::format("{}: {}", file.cannot_open, objection),
              std::move(hint));
}

Result<UniqueFd> StandardInput(const NamedFile& file) {
  if (::isatty(STDIN_FILENO) == 1) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: standard input is a terminal", file.cannot_open),
                "Give it the backup: `spawnctl create data-image -f image.yaml <shop.sql`.");
  }
  struct stat st {};
  if (::fstat(STDIN_FILENO, &st) != 0) return FailErrno(errno, file.cannot_open);
  TRY(CheckKind(st.st_mode, Wanted::kFileOrFolder, file));
  // Of a file all is restored, wherever its reader has been put.
  if (S_ISREG(st.st_mode) && ::lseek(STDIN_FILENO, 0, SEEK_CUR) != 0) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: standard input is a file that somebody has read from", file.cannot_open),
                "Pass the rest of it through a pipe: `cat | spawnctl ...`.");
  }
  UniqueFd fd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (!fd.Valid()) return FailErrno(errno, file.cannot_open);
  return fd;
}

Result<UniqueFd> Open(const NamedFile& file, Wanted wanted) {
  if (file.path.empty()) return StandardInput(file);
  struct stat st {};
  if (::stat(file.path.c_str(), &st) != 0) return FailErrno(errno, file.cannot_open);
  TRY(CheckKind(st.st_mode, wanted, file));  // before it is opened: that may do something to a device
  // A FIFO without a writer would look as if it were empty, if this did not wait.
  const int no_wait = S_ISFIFO(st.st_mode) ? 0 : O_NONBLOCK;
  UniqueFd fd(::open(file.path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | no_wait));
  if (!fd.Valid() || ::fstat(fd.Get(), &st) != 0) return FailErrno(errno, file.cannot_open);
  TRY(CheckKind(st.st_mode, wanted, file));
  return fd;
}

Result<void> OpenAll(const std::vector<NamedFile>& files, Wanted wanted, std::vector<UniqueFd>& opened,
                     std::vector<api::ClientFile>& described) {
  for (const NamedFile& file : files) {
    if (opened.size() >= kMaxRequestDescriptors) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: there are more than {}", file.cannot_open, kMaxRequestDescriptors));
    }
    TRY_ASSIGN(UniqueFd fd, Open(file, wanted));
    described.push_back({file.name, static_cast<uint32_t>(opened.size()), {}});
    opened.push_back(std::move(fd));
  }
  return {};
}

}  // namespace

Result<std::vector<UniqueFd>> OpenFiles(ImageDescription& image) {
  std::vector<UniqueFd> opened;
  TRY(OpenAll(image.backups, Wanted::kFileOrFolder, opened, image.request.backups));
  TRY(OpenAll(image.scripts_folders, Wanted::kFolder, opened, image.request.scripts_folders));
  TRY(OpenAll(image.wal_folders, Wanted::kFolder, opened, image.request.wal_folders));
  return opened;
}

}  // namespace spawnd::client
