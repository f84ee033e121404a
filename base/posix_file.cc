/// FileSystem over the real one. Every path is opened with O_CLOEXEC: keepers and restore tools inherit
/// nothing.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <memory>

#include "base/file.h"
#include "base/unique_fd.h"

namespace spawnd {
namespace {

class PosixFile final : public File {
 public:
  PosixFile(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  Result<size_t> ReadAt(uint64_t offset, std::span<std::byte> out) override {
    size_t done = 0;
    while (done < out.size()) {
      const ssize_t n =
          ::pread(fd_.Get(), out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
      if (n == 0) break;
      if (n < 0) {
        if (errno == EINTR) continue;
        return FailErrno(errno, "cannot read '" + path_ + "'");
      }
      done += static_cast<size_t>(n);
    }
    return done;
  }

  Result<void> WriteAt(uint64_t offset, std::span<const std::byte> data) override {
    size_t done = 0;
    while (done < data.size()) {
      const ssize_t n =
          ::pwrite(fd_.Get(), data.data() + done, data.size() - done, static_cast<off_t>(offset + done));
      if (n < 0) {
        if (errno == EINTR) continue;
        return FailErrno(errno, "cannot write '" + path_ + "'");
      }
      done += static_cast<size_t>(n);
    }
    return {};
  }

  Result<void> Sync() override {
    // fdatasync covers the size too when it changed, and saves the inode's time stamps.
    if (::fdatasync(fd_.Get()) != 0) return FailErrno(errno, "cannot sync '" + path_ + "'");
    return {};
  }

  Result<void> Truncate(uint64_t size) override {
    if (::ftruncate(fd_.Get(), static_cast<off_t>(size)) != 0) {
      return FailErrno(errno, "cannot resize '" + path_ + "'");
    }
    return {};
  }

  Result<void> PunchHole(uint64_t offset, uint64_t length) override {
    if (::fallocate(fd_.Get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                    static_cast<off_t>(length)) != 0) {
      return FailErrno(errno, "cannot punch a hole in '" + path_ + "'");
    }
    return {};
  }

  Result<uint64_t> Size() override {
    struct stat st {};
    if (::fstat(fd_.Get(), &st) != 0) return FailErrno(errno, "cannot stat '" + path_ + "'");
    return static_cast<uint64_t>(st.st_size);
  }

 private:
  UniqueFd fd_;
  std::string path_;
};

int FlagsFor(OpenMode mode) {
  switch (mode) {
    case OpenMode::kRead:
      return O_RDONLY;
    case OpenMode::kReadWrite:
      return O_RDWR;
    case OpenMode::kCreate:
      return O_RDWR | O_CREAT;
    case OpenMode::kCreateNew:
      return O_RDWR | O_CREAT | O_EXCL;
  }
  return O_RDONLY;
}

class RealFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override {
    UniqueFd fd(::open(path.c_str(), FlagsFor(mode) | O_CLOEXEC, 0600));
    if (!fd.Valid()) return FailErrno(errno, "cannot open '" + path + "'");
    return std::make_unique<PosixFile>(std::move(fd), path);
  }

  Result<void> Rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) {
      return FailErrno(errno, "cannot rename '" + from + "' to '" + to + "'");
    }
    return {};
  }

  Result<void> Remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0) return FailErrno(errno, "cannot remove '" + path + "'");
    return {};
  }

  Result<bool> Exists(const std::string& path) override {
    if (::access(path.c_str(), F_OK) == 0) return true;
    if (errno == ENOENT) return false;
    return FailErrno(errno, "cannot look for '" + path + "'");
  }

  Result<void> CreateDirectory(const std::string& path) override {
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
      return FailErrno(errno, "cannot make directory '" + path + "'");
    }
    return {};
  }

  Result<void> RemoveDirectory(const std::string& path) override {
    if (::rmdir(path.c_str()) != 0) return FailErrno(errno, "cannot remove directory '" + path + "'");
    return {};
  }

  Result<std::vector<std::string>> List(const std::string& path) override {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.Valid()) return FailErrno(errno, "cannot list '" + path + "'");
    return NamesInFolder(fd.Get(), "'" + path + "'", SIZE_MAX);
  }

  Result<void> SyncDirectory(const std::string& path) override {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.Valid()) return FailErrno(errno, "cannot open directory '" + path + "'");
    if (::fsync(fd.Get()) != 0) return FailErrno(errno, "cannot sync directory '" + path + "'");
    return {};
  }
};

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

}  // namespace

FileSystem& PosixFileSystem() {
  static RealFileSystem file_system;
  return file_system;
}

Result<std::vector<std::string>> NamesInFolder(int folder_fd, const std::string& what, size_t limit) {
  // A descriptor of its own with its own offset, which closedir closes.
  const int copy = ::openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, CloseFolder> folder(copy >= 0 ? ::fdopendir(copy) : nullptr);
  if (!folder) return FailErrno(errno, "cannot list " + what);
  std::vector<std::string> names;
  while (true) {
    errno = 0;  // the end and a failure look the same but for it
    const dirent* entry = ::readdir(folder.get());
    if (entry == nullptr && errno != 0) return FailErrno(errno, "cannot list " + what);
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (names.size() == limit) {
      return Fail(ErrorCode::kInvalidArgument, what + " has more than " + std::to_string(limit) + " entries");
    }
    names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<void> ReadExactly(File& file, uint64_t offset, std::span<std::byte> out, std::string_view name) {
  TRY_ASSIGN(const size_t got, file.ReadAt(offset, out));
  if (got != out.size()) {
    return Fail(ErrorCode::kCorrupt, "'" + std::string(name) + "' is truncated: wanted " +
                                         std::to_string(out.size()) + " bytes at " + std::to_string(offset) +
                                         ", got " + std::to_string(got));
  }
  return {};
}

Result<void> WriteZeros(File& file, uint64_t offset, uint64_t length) {
  constexpr static std::array<std::byte, size_t{64} * 1024> kZeros{};
  while (length > 0) {
    const auto part = std::span(kZeros).first(std::min<uint64_t>(length, kZeros.size()));
    TRY(file.WriteAt(offset, part));
    offset += part.size();
    length -= part.size();
  }
  return {};
}

std::string TextOfFile(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  std::array<char, 4096> part{};
  while (fd.Valid()) {
    const ssize_t n = ::read(fd.Get(), part.data(), part.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    text.append(part.data(), static_cast<size_t>(n));
  }
  return text;
}

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace spawnd
