/// Files of one user shown as another's, on a real ext4. Needs root and a loop device.
#include "storage/export/idmapped_mount.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "storage/export/ext4.h"
#include "storage/export/loop_device.h"
#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::storage {
namespace {

constexpr Owner kOnDisk{700'001, 700'002};
constexpr Owner kShown{800'001, 800'002};

Result<Owner> OwnerOf(const std::string& path) {
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) return FailErrno(errno, "cannot look at '" + path + "'");
  return Owner{st.st_uid, st.st_gid};
}

bool MakeFile(const std::string& path, Owner owner) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  return fd.Valid() && ::fchown(fd.Get(), owner.uid, owner.gid) == 0;
}

/// Whether `who`, without any rights of root's, may open the file.
bool MayOpen(const std::string& path, Owner who) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (::setgid(who.gid) != 0 || ::setuid(who.uid) != 0) ::_exit(2);
    ::_exit(::open(path.c_str(), O_RDWR) >= 0 ? 0 : 1);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/// Everything happens in a mount namespace of its own, which takes the mounts along when it ends.
Result<std::string> ShowFiles(const std::string& directory) {
  if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return FailErrno(errno, "no mount namespace");
  }
  const std::string file = directory + "/volume";
  const UniqueFd volume(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (::ftruncate(volume.Get(), 256 << 20) != 0) return FailErrno(errno, "no file");
  TRY_ASSIGN(const LoopDevice device, AttachLoopDevice(file));
  TRY(FormatExt4(device.path));
  const std::string plain = directory + "/plain";
  const std::string mapped = directory + "/mapped";
  for (const std::string& place : {plain, mapped}) ::mkdir(place.c_str(), 0755);

  // Twice the same file system: as it is, and with the owners mapped.
  TRY_ASSIGN(const UniqueFd as_it_is, OpenExt4(device.path, Barriers::kOn));
  TRY_ASSIGN(const UniqueFd mapping, MakeOwnerMapping(kOnDisk, kShown));
  TRY_ASSIGN(const UniqueFd shown, OpenExt4(device.path, Barriers::kOn));
  TRY(MapOwners(shown.Get(), mapping.Get()));
  TRY(PlaceMount(as_it_is.Get(), plain));
  TRY(PlaceMount(shown.Get(), mapped));

  if (!MakeFile(plain + "/old", kOnDisk) || !MakeFile(mapped + "/new", kShown)) return "cannot make files";
  TRY_ASSIGN(const Owner old_shown, OwnerOf(mapped + "/old"));
  TRY_ASSIGN(const Owner new_on_disk, OwnerOf(plain + "/new"));
  TRY_ASSIGN(const Owner top, OwnerOf(mapped));
  if (old_shown != kShown) return "the file on disk is not shown as the other's";
  if (new_on_disk != kOnDisk) return "a new file does not belong to the first on disk";
  if (top != Owner{}) return "root's folder is not root's";
  if (!MayOpen(mapped + "/old", kShown)) return "the other may not open it";
  if (MayOpen(mapped + "/old", kOnDisk)) return "the first may open it as well";
  // Somebody whom the mapping does not know cannot own anything there.
  if (MakeFile(mapped + "/third", {900'001, 900'001})) return "a third owns a file";
  return "";
}

TEST_CASE("files of one user are shown as another's") {
  if (::geteuid() != 0) {
    WARN("skipped: mounts need root");
    return;
  }
  const ScratchDirectory scratch;
  // Others may pass through it.
  REQUIRE(::chmod(scratch.Path().c_str(), 0755) == 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    const auto problem = ShowFiles(scratch.Path());
    const std::string text = problem ? *problem : problem.error().message;
    if (!text.empty()) dprintf(2, "%s\n", text.c_str());
    ::_exit(text.empty() ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("what cannot show owners says so") {
  if (::geteuid() != 0) {
    WARN("skipped: mounts need root");
    return;
  }
  const auto mapping = MakeOwnerMapping(kOnDisk, kShown);
  REQUIRE(mapping);
  const UniqueFd folder(::open("/proc", O_PATH | O_CLOEXEC));
  const auto mapped = MapOwners(folder.Get(), mapping->Get());
  REQUIRE_FALSE(mapped);
  CHECK(mapped.error().code == ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace spawnd::storage
