#include "daemon/build/unpacked_folder.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "base/descriptors.h"
#include "base/file.h"
#include "base/random.h"
#include "daemon/store/disk.h"
#include "daemon/store/layout.h"
#include "daemon/store/spool_file.h"
#include "engines/unpack/archive.h"

namespace spawnd::daemon {
namespace {

constexpr size_t kMostFiles = 200'000;
constexpr size_t kDeepest = 32;
constexpr uint64_t kBytesBetweenLooks = uint64_t{16} << 20U;
constexpr const char* kUnpackIt = "Unpack it, and name the folder that was in it.";

/// The names in a path; empty for one that leads out of where it begins.
std::vector<std::string> NamesIn(std::string_view path) {
  std::vector<std::string> names;
  if (path.starts_with('/') || path.find('\0') != std::string_view::npos) return {};
  while (!path.empty()) {
    const std::string_view name = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(path.size(), name.size() + 1));
    if (name == ".." || names.size() == kDeepest) return {};
    if (!name.empty() && name != ".") names.emplace_back(name);
  }
  return names;
}

class Files final : public engines::ArchiveSink {
 public:
  Files(const BuildContext& context, const Identity& owner, const std::string& name, int folder)
      : context_(context), owner_(owner), name_(name), stage_("unpacking " + name), folder_(folder) {
    context_.progress.Stage(stage_);
  }

  Result<void> Begin(std::string_view path, bool is_folder) override {
    TRY(context_.StopRequested());
    const std::vector<std::string> names = NamesIn(path);
    const bool is_top = is_folder && path.find_first_not_of("./") == std::string_view::npos;
    if (is_top && names.empty() && path.find("..") == std::string_view::npos) return {};
    if (names.empty()) return Refuse("'" + std::string(path) + "', which is no path below a folder");
    if (++files_ > kMostFiles) return Refuse("more than " + std::to_string(kMostFiles) + " files");
    UniqueFd above;
    int at = folder_;
    for (size_t i = 0; i + (is_folder ? 0U : 1U) < names.size(); ++i) {
      TRY_ASSIGN(UniqueFd below, Enter(at, names[i]));
      above = std::move(below);
      at = above.Get();
    }
    if (is_folder) return {};
    // Nothing but these folders and files is ever made here, so that there is no link to follow.
    file_ = UniqueFd(
        ::openat(at, names.back().c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (file_.Valid()) return Own(file_.Get());
    if (errno == EEXIST) return Refuse("'" + std::string(path) + "' twice");
    return FailErrno(errno, "cannot unpack '" + std::string(path) + "' of '" + name_ + "'");
  }

  Result<void> Write(std::string_view bytes) override {
    TRY(context_.StopRequested());
    if (bytes_ == 0 || bytes_ - looked_at_ >= kBytesBetweenLooks) {
      TRY(CheckRoomForMore(context_.host.disk));
      looked_at_ = bytes_;
      context_.progress.Bytes(stage_, bytes_, 0);
    }
    bytes_ += bytes.size();
    if (const int err = WriteAll(file_.Get(), bytes); err != 0) {
      return FailErrno(err, "cannot write to the disk of '" + context_.host.layout.Root() + "'");
    }
    return {};
  }

 private:
  Result<UniqueFd> Enter(int at, const std::string& name) {
    const bool is_new = ::mkdirat(at, name.c_str(), 0700) == 0;
    if (!is_new && errno != EEXIST) return FailErrno(errno, "cannot unpack '" + name_ + "'");
    UniqueFd folder(::openat(at, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder.Valid()) return Refuse("'" + name + "' as a file and as a folder");
    if (is_new) TRY(Own(folder.Get()));
    return folder;
  }
  Result<void> Own(int fd) const {
    if (::fchown(fd, owner_.uid, owner_.gid) == 0) return {};
    return FailErrno(errno, "cannot give away what was in '" + name_ + "'");
  }
  tl::unexpected<Error> Refuse(const std::string& what) const {
    return Fail(ErrorCode::kInvalidArgument, "archive '" + name_ + "' has " + what, kUnpackIt);
  }

  const BuildContext& context_;
  const Identity& owner_;
  const std::string& name_;
  const std::string stage_;
  const int folder_;
  UniqueFd file_;
  size_t files_ = 0;
  uint64_t bytes_ = 0;
  uint64_t looked_at_ = 0;
};

/// `shop.d` of an archive that has that folder and nothing else.
Result<UniqueFd> OnlyFolderIn(UniqueFd folder) {
  for (size_t depth = 0; depth < kDeepest; ++depth) {
    TRY_ASSIGN(const auto names, NamesInFolder(folder.Get(), "what was unpacked", kMostFiles));
    if (names.size() != 1) break;
    UniqueFd below(
        ::openat(folder.Get(), names.front().c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!below.Valid()) break;
    folder = std::move(below);
  }
  return folder;
}

}  // namespace

Result<std::unique_ptr<UnpackedFolder>> UnpackedFolder::Make(const BuildContext& context,
                                                             const FileRights& rights, int fd,
                                                             const std::string& name,
                                                             const engines::Packing& packing) {
  const std::string path = context.host.layout.Builds() + "/" + std::string(kUnpackedPrefix) + RandomId();
  if (::mkdir(path.c_str(), 0700) != 0) return FailErrno(errno, "cannot make '" + path + "'");
  std::unique_ptr<UnpackedFolder> unpacked(new UnpackedFolder(path));
  UniqueFd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  const Identity& owner = rights.identity;
  if (!folder.Valid() || ::fchown(folder.Get(), owner.uid, owner.gid) != 0) {
    return FailErrno(errno, "cannot give away '" + path + "'");
  }
  Files files(context, owner, name, folder.Get());
  const uint64_t volume = context.host.volume_bytes;
  TRY(engines::UnpackArchive(
      fd, name, packing,
      {volume, "the volume of " + SizeInWords(volume), "Raise `volumeSize` in spawnd.yaml."}, files));
  TRY_ASSIGN(unpacked->folder_, OnlyFolderIn(std::move(folder)));
  return unpacked;
}

UnpackedFolder::~UnpackedFolder() {
  folder_.Reset();
  const auto removed = RemoveTree(path_);
  if (!removed) spdlog::error("'{}' stays: {}", path_, removed.error().message);
}

}  // namespace spawnd::daemon
