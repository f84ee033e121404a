#include "daemon/store/layout.h"

#include <boost/filesystem.hpp>
#include <sys/stat.h>

#include <cerrno>
#include <charconv>

#include "base/file.h"
#include "storage/image/image_files.h"

namespace spawnd::daemon {
namespace {

Result<void> MakeDirectory(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0) {
    // mkdir is subject to the umask; the mode is part of the security promise.
    if (::chmod(path.c_str(), mode) != 0) return FailErrno(errno, "cannot set the mode of '" + path + "'");
    return {};
  }
  if (errno != EEXIST) return FailErrno(errno, "cannot make directory '" + path + "'");
  return {};
}

Error FromBoost(const boost::system::error_code& code, const std::string& what) {
  return ErrnoError(code.value(), what);
}

}  // namespace

Result<void> StoreLayout::Prepare() const {
  boost::system::error_code code;
  const boost::filesystem::path root(root_);
  if (root.has_parent_path()) {
    boost::filesystem::create_directories(root.parent_path(), code);
    if (code) return Fail(FromBoost(code, "cannot make directory '" + root.parent_path().string() + "'"));
  }
  TRY(MakeDirectory(root_, 0711));
  for (const std::string& path : {root_ + "/store", Layers(), Images(), Containers(), Builds(), Standbys(),
                                  Logs(), FailedLogs(), Imports(), SourceLogs()}) {
    TRY(MakeDirectory(path, 0700));
  }
  TRY(MakeDirectory(Tls(), 0711));
  TRY(MakeDirectory(Runs(), 0711));
  TRY(PosixFileSystem().SyncDirectory(root_ + "/store"));
  return PosixFileSystem().SyncDirectory(root_);
}

std::string StoreLayout::Layer(std::string_view layer_id) const {
  return storage::LayerPath(Layers(), layer_id);
}
std::string StoreLayout::ImageIndex(int64_t image_id) const {
  return Images() + "/" + std::to_string(image_id) + std::string(storage::kIndexSuffix);
}
std::string StoreLayout::ImageManifest(int64_t image_id) const {
  return Images() + "/" + std::to_string(image_id) + std::string(kManifestSuffix);
}
std::string StoreLayout::ContainerManifest(int64_t id) const {
  return Container(id) + "/manifest";
}
std::string StoreLayout::ImageLog(int64_t image_id) const {
  return Logs() + "/" + std::to_string(image_id) + ".log";
}
std::string StoreLayout::Container(int64_t id) const {
  return Containers() + "/" + std::to_string(id);
}
std::string StoreLayout::Volume(int64_t id, std::string_view volume) const {
  return volume.empty() ? Container(id) : Container(id) + "/" + std::string(volume);
}
std::string StoreLayout::Delta(int64_t id, std::string_view volume) const {
  return Volume(id, volume) + "/delta";
}
std::string StoreLayout::Build(int64_t image_id) const {
  return Builds() + "/" + std::to_string(image_id);
}

std::string StoreLayout::Standby(int64_t source_id) const {
  return Standbys() + "/" + std::to_string(source_id);
}
std::string StoreLayout::StandbyVolume(int64_t source_id, int64_t base_image_id) const {
  return Standby(source_id) + "/v" + std::to_string(base_image_id);
}
std::string StoreLayout::SourceLog(int64_t source_id) const {
  return SourceLogs() + "/" + std::to_string(source_id) + ".log";
}
std::string StoreLayout::Run(int64_t source_id) const {
  return Runs() + "/" + std::to_string(source_id);
}

int64_t IdFromName(std::string_view name, std::string_view suffix) {
  if (!name.ends_with(suffix)) return 0;
  name.remove_suffix(suffix.size());
  int64_t id = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
  const bool whole = error == std::errc() && end == name.data() + name.size();
  // "+7" and "007" parse but are not how we write.
  return whole && id > 0 && std::to_string(id) == name ? id : 0;
}

std::string_view LayerIdFromName(std::string_view name, std::string_view suffix) {
  if (!name.ends_with(suffix)) return {};
  name.remove_suffix(suffix.size());
  return storage::IsLayerId(name) ? name : std::string_view();
}

Result<void> RemoveTree(const std::string& path) {
  boost::system::error_code code;
  boost::filesystem::remove_all(path, code);
  // A manifest may come to be in a container's folder while that goes; once is enough, there is no second.
  if (code == boost::system::errc::directory_not_empty) boost::filesystem::remove_all(path, code);
  if (code) return Fail(FromBoost(code, "cannot remove '" + path + "'"));
  return PosixFileSystem().SyncDirectory(DirectoryOf(path));
}

Result<void> RemoveFile(const std::string& path) {
  const auto removed = PosixFileSystem().Remove(path);
  if (!removed && removed.error().code != ErrorCode::kNotFound) return removed;
  return PosixFileSystem().SyncDirectory(DirectoryOf(path));
}

int64_t AllocatedBytes(const std::string& path) {
  boost::system::error_code code;
  int64_t bytes = 0;
  boost::filesystem::recursive_directory_iterator it(path, code);
  for (const boost::filesystem::recursive_directory_iterator end; !code && it != end; it.increment(code)) {
    struct stat st {};
    if (::lstat(it->path().c_str(), &st) == 0 && S_ISREG(st.st_mode)) bytes += int64_t{st.st_blocks} * 512;
  }
  return bytes;
}

}  // namespace spawnd::daemon
