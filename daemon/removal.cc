#include "daemon/removal.h"

#include <boost/filesystem.hpp>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>
#include <vector>

#include "base/accounts.h"
#include "base/unique_fd.h"
#include "daemon/catalog/catalog.h"
#include "daemon/keeper/client.h"
#include "daemon/keeper/container_lock.h"
#include "daemon/keeper/control_socket.h"
#include "daemon/store/account.h"
#include "daemon/store/generation.h"
#include "daemon/store/layout.h"
#include "daemon/store/state_lock.h"
#include "daemon/store/volumes.h"

namespace spawnd::daemon {
namespace {

using Clock = std::chrono::steady_clock;

Result<UniqueFd> TakeOver(const StoreLayout& layout) {
  if (::geteuid() != 0) return Fail(ErrorCode::kForbidden, "that needs root", "Start it with sudo.");
  TRY(RequireCatalog(layout));
  return LockStateDirectory(layout.Root());
}

Result<void> Print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (std::fflush(stdout) != 0) return FailErrno(errno, "cannot write to standard output");
  return {};
}

std::string ImageName(const ImageRow& image) {
  std::string tags;
  for (const std::string& tag : image.tags) tags += (tags.empty() ? ":" : ",") + tag;
  return image.name + tags;
}

/// Folders of containers' volumes and of builds: those in which a keeper may answer.
std::vector<std::string> Folders(const StoreLayout& layout) {
  std::vector<std::string> folders;
  for (const std::string& parent : {layout.Containers(), layout.Builds()}) {
    boost::system::error_code code;
    boost::filesystem::directory_iterator it(parent, code);
    for (const boost::filesystem::directory_iterator end; !code && it != end; it.increment(code)) {
      const int64_t id = IdFromName(it->path().filename().string(), "");
      if (id == 0) continue;
      folders.push_back(it->path().string());
      if (parent == layout.Builds()) continue;
      for (const std::string& volume : VolumesOf(layout, id)) {
        if (!volume.empty()) folders.push_back(layout.Volume(id, volume));
      }
    }
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

/// One that runs, until it is seen to have ended.
struct RunningKeeper {
  std::string folder;
  UniqueFd process;
};

bool Readable(int fd, std::chrono::milliseconds wait) {
  pollfd polled{fd, POLLIN, 0};
  return ::poll(&polled, 1, static_cast<int>(wait.count())) > 0;
}

/// Not valid when none runs there.
UniqueFd ProcessOfKeeper(const std::string& folder) {
  const auto connection = ConnectToKeeper(folder);
  if (!connection) return {};
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(connection->Get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return {};
  UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, peer.pid, 0)));
  // One that ended meanwhile has closed the connection, and its number may be somebody else's.
  return Readable(connection->Get(), {}) ? UniqueFd() : std::move(process);
}

void Signal(const RunningKeeper& keeper, int signal) {
  ::syscall(SYS_pidfd_send_signal, keeper.process.Get(), signal, nullptr, 0);
}

void WaitFor(const std::vector<RunningKeeper>& keepers, Clock::time_point deadline) {
  for (const RunningKeeper& keeper : keepers) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    Readable(keeper.process.Get(), std::max(left, std::chrono::milliseconds(0)));
  }
}

}  // namespace

Result<void> PrintInventory(const std::string& state_directory) {
  const StoreLayout layout(state_directory);
  TRY_ASSIGN(const UniqueFd lock, TakeOver(layout));
  TRY_ASSIGN(const auto catalog, Catalog::Open(layout.Catalog()));
  TRY_ASSIGN(SpaceAccount account, SpaceAccount::Take(*catalog, layout));
  TRY_ASSIGN(const auto images, catalog->images.List());
  TRY_ASSIGN(const auto containers, catalog->containers.List());
  std::string text =
      fmt::format("'{}' holds {} image{} and {} container{}, {} on disk in all\n", layout.Root(),
                  images.size(), images.size() == 1 ? "" : "s", containers.size(),
                  containers.size() == 1 ? "" : "s", SpaceText(AllocatedBytes(layout.Root())));
  for (const ImageRow& image : images) {
    text += fmt::format("  image {} ({} {}) of {}, {}: {}\n", ImageName(image), image.engine,
                        image.engine_version, UserName(image.owner), ImageStateName(image.state),
                        SpaceText(account.OfImage(image.id).unique_bytes));
  }
  for (const ContainerRow& container : containers) {
    text += fmt::format("  container {} of {}, from {}, {}: {}\n", container.name, UserName(container.owner),
                        container.image_reference, ContainerStateName(container.state),
                        SpaceText(account.OfFolder(container.id)));
  }
  return Print(text);
}

Result<void> StopContainers(const std::string& state_directory, std::chrono::seconds patience) {
  const StoreLayout layout(state_directory);
  TRY_ASSIGN(const UniqueFd lock, TakeOver(layout));
  const std::vector<std::string> folders = Folders(layout);
  std::vector<RunningKeeper> keepers;
  for (const std::string& folder : folders) {
    UniqueFd process = ProcessOfKeeper(folder);
    if (process.Valid()) keepers.push_back({folder, std::move(process)});
  }
  for (const RunningKeeper& keeper : keepers) Signal(keeper, SIGTERM);
  WaitFor(keepers, Clock::now() + patience);
  size_t killed = 0;
  for (const RunningKeeper& keeper : keepers) {
    if (Readable(keeper.process.Get(), {})) continue;
    ++killed;
    Signal(keeper, SIGKILL);
  }
  // The kernel takes down what the last of them held: until then nothing of it may be removed.
  for (const std::string& folder : folders) TRY(ContainerLock::AwaitRelease(folder, kKillDeadline));
  const std::string ends =
      killed == 0 ? "" : fmt::format(", {} of them killed after {} s", killed, patience.count());
  return Print(fmt::format("{} stopped{}\n", keepers.size(), ends));
}

}  // namespace spawnd::daemon
