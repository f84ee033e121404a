#include "tests/bench/peers.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "base/process.h"

namespace spawnd::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto kDeadline = 10min;
constexpr auto kExportDeadline = 10s;
constexpr char kPoolSize[] = "8G";
constexpr const char* kToolFolders[] = {"/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"};

/// A file system of its own in a file, mounted at work/pool.
class Pool {
 public:
  Result<void> Make(const std::string& work, const std::vector<std::string>& mkfs) {
    directory_ = work + "/pool";
    const std::string file = work + "/pool.img";
    TRY(RunAsRoot({"truncate", "-s", kPoolSize, file}));
    std::vector<std::string> format = mkfs;
    format.push_back(file);
    TRY(RunAsRoot(std::move(format)));
    TRY(RunAsRoot({"mkdir", directory_}));
    TRY(RunAsRoot({"mount", "-o", "loop,noatime", file, directory_}));
    mounted_ = true;
    // The servers' log stands beside their data directory.
    return RunAsRoot({"chown", "spawnd:", directory_});
  }
  ~Pool() {
    if (mounted_) static_cast<void>(RunAsRoot({"umount", directory_}).has_value());
  }
  std::string Path(const std::string& name) const { return directory_ + "/" + name; }

 private:
  std::string directory_;
  bool mounted_ = false;
};

class XfsPeer final : public Peer {
 public:
  std::string Name() const override { return "xfs-reflink"; }
  std::vector<std::string> Tools() const override { return {"mkfs.xfs"}; }
  Result<void> Prepare(const std::string& work, const std::string& data_directory) override {
    TRY(pool_.Make(work, {"mkfs.xfs", "-q", "-m", "reflink=1"}));
    return RunAsRoot({"cp", "-a", data_directory, pool_.Path("base")});
  }
  Result<std::string> Clone() override {
    TRY(RunAsRoot({"cp", "-a", "--reflink=always", pool_.Path("base"), pool_.Path("clone")}));
    return pool_.Path("clone");
  }
  Result<void> RemoveClone() override { return RunAsRoot({"rm", "-rf", pool_.Path("clone")}); }

 private:
  Pool pool_;
};

class BtrfsPeer final : public Peer {
 public:
  std::string Name() const override { return "btrfs-snapshot"; }
  std::vector<std::string> Tools() const override { return {"mkfs.btrfs", "btrfs"}; }
  Result<void> Prepare(const std::string& work, const std::string& data_directory) override {
    TRY(pool_.Make(work, {"mkfs.btrfs", "-q"}));
    TRY(RunAsRoot({"btrfs", "subvolume", "create", pool_.Path("base")}));
    TRY(RunAsRoot({"cp", "-a", data_directory + "/.", pool_.Path("base")}));
    // Clones inherit both.
    TRY(RunAsRoot({"chown", "spawnd:", pool_.Path("base")}));
    return RunAsRoot({"chmod", "0700", pool_.Path("base")});
  }
  Result<std::string> Clone() override {
    TRY(RunAsRoot({"btrfs", "subvolume", "snapshot", pool_.Path("base"), pool_.Path("clone")}));
    return pool_.Path("clone");
  }
  Result<void> RemoveClone() override {
    return RunAsRoot({"btrfs", "subvolume", "delete", pool_.Path("clone")});
  }

 private:
  Pool pool_;
};

/// A qcow2 overlay served as a file by qemu-storage-daemon over FUSE, a loop device and ext4 on that.
class Qcow2Peer final : public Peer {
 public:
  ~Qcow2Peer() override { static_cast<void>(RemoveClone().has_value()); }
  std::string Name() const override { return "qcow2"; }
  std::vector<std::string> Tools() const override { return {"qemu-storage-daemon", "qemu-img"}; }
  Result<void> Prepare(const std::string& work, const std::string& data_directory) override {
    work_ = work;
    TRY(RunAsRoot({"truncate", "-s", kPoolSize, Base()}));
    TRY(RunAsRoot({"mkfs.ext4", "-q", "-F", Base()}));
    TRY(RunAsRoot({"mkdir", Mount()}));
    TRY(RunAsRoot({"mount", "-o", "loop", Base(), Mount()}));
    TRY(RunAsRoot({"cp", "-a", data_directory, Mount() + "/clone"}));
    TRY(RunAsRoot({"chown", "spawnd:", Mount()}));
    return RunAsRoot({"umount", Mount()});
  }
  Result<std::string> Clone() override {
    TRY(RunAsRoot({"qemu-img", "create", "-q", "-f", "qcow2", "-b", Base(), "-F", "raw", Overlay()}));
    TRY(RunAsRoot({"touch", Export()}));
    SpawnOptions options;
    options.argv = {"/usr/bin/qemu-storage-daemon",
                    "--blockdev",
                    "driver=file,node-name=file,discard=unmap,filename=" + Overlay(),
                    "--blockdev",
                    "driver=qcow2,node-name=disk,file=file",
                    "--export",
                    "type=fuse,id=disk,node-name=disk,writable=on,mountpoint=" + Export()};
    options.env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
    TRY_ASSIGN(daemon_, Spawn(options));
    // The file has its size once it is served.
    const auto deadline = std::chrono::steady_clock::now() + kExportDeadline;
    struct stat st {};
    while (::stat(Export().c_str(), &st) != 0 || st.st_size == 0) {
      if (std::chrono::steady_clock::now() > deadline) {
        return Fail(ErrorCode::kTimeout, "qemu-storage-daemon serves no file");
      }
      std::this_thread::sleep_for(1ms);
    }
    TRY(RunAsRoot({"mount", "-o", "loop,noatime", Export(), Mount()}));
    return Mount() + "/clone";
  }
  Result<void> RemoveClone() override {
    if (daemon_ <= 0) return {};
    auto unmounted = RunAsRoot({"umount", Mount()});
    ::kill(daemon_, SIGTERM);
    WaitForExit(std::exchange(daemon_, -1));
    ::unlink(Overlay().c_str());
    return unmounted;
  }

 private:
  std::string Base() const { return work_ + "/base.img"; }
  std::string Mount() const { return work_ + "/disk"; }
  std::string Overlay() const { return work_ + "/overlay.qcow2"; }
  std::string Export() const { return work_ + "/export"; }

  std::string work_;
  pid_t daemon_ = -1;
};

}  // namespace

Result<void> RunAsRoot(std::vector<std::string> argv) {
  SpawnOptions options;
  const std::string name = argv.at(0);
  options.argv = std::move(argv);
  options.env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"};
  TRY_ASSIGN(const ProcessOutput ran, RunAndCapture(options, kDeadline));
  if (ran.exit_code != 0) return Fail(ErrorCode::kInternal, "'" + name + "' failed: " + ran.output);
  return {};
}

std::vector<std::string> MissingTools(const Peer& peer) {
  std::vector<std::string> missing;
  for (const std::string& tool : peer.Tools()) {
    bool found = false;
    for (const char* folder : kToolFolders) found = found || ::access((folder + tool).c_str(), X_OK) == 0;
    if (!found) missing.push_back(tool);
  }
  return missing;
}

Result<void> EnterOwnMountNamespace() {
  if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return FailErrno(errno, "cannot make a mount namespace");
  }
  return {};
}

std::unique_ptr<Peer> XfsReflink() {
  return std::make_unique<XfsPeer>();
}
std::unique_ptr<Peer> BtrfsSnapshot() {
  return std::make_unique<BtrfsPeer>();
}
std::unique_ptr<Peer> Qcow2() {
  return std::make_unique<Qcow2Peer>();
}

}  // namespace spawnd::bench
