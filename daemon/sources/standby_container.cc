#include "daemon/sources/standby_container.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <utility>

#include "base/descriptors.h"
#include "base/file.h"
#include "daemon/host/control_groups.h"
#include "daemon/host/engine_host.h"
#include "daemon/host/ports.h"
#include "daemon/init/private_mounts.h"
#include "daemon/keeper/files.h"
#include "daemon/store/disk.h"
#include "daemon/store/layout.h"
#include "engines/registry.h"
#include "engines/restore.h"

namespace spawnd::daemon {
namespace {

using std::chrono::steady_clock;

constexpr const char* kLoopback = "127.0.0.1";
constexpr std::chrono::seconds kLaunchDeadline{180};
/// What was copied may have much of a log to be replayed before it lets anybody in.
constexpr std::chrono::seconds kRecoveryDeadline{24 * 3600};
constexpr std::chrono::seconds kFinishDeadline{1800};
constexpr std::chrono::seconds kStopDeadline{120};
constexpr int kStopCheckMilliseconds = 200;
constexpr std::chrono::seconds kEndOfProgram{10};
constexpr size_t kTailBytes = size_t{32} << 10U;

std::string GroupOf(int64_t source_id) {
  return "s" + std::to_string(source_id);
}

/// What a program prints, bounded: the last bytes are kept, lines are passed on.
class Printed {
 public:
  explicit Printed(const std::function<void(std::string_view)>& line) : line_(line) {}

  void Take(std::string_view bytes) {
    kept_.append(bytes);
    if (kept_.size() > 2 * engines::kMaxCommandOutput)
      kept_.erase(0, kept_.size() - engines::kMaxCommandOutput);
    if (!line_) return;
    for (const char c : bytes) {
      if (c != '\n' && c != '\r') {
        if (begun_.size() < kMostLine) begun_ += c;
        continue;
      }
      if (!begun_.empty()) line_(begun_);
      begun_.clear();
    }
  }
  std::string Kept() const {
    return kept_.substr(kept_.size() - std::min(kept_.size(), engines::kMaxCommandOutput));
  }

 private:
  static constexpr size_t kMostLine = 4096;
  const std::function<void(std::string_view)>& line_;
  std::string kept_;
  std::string begun_;
};

}  // namespace

engines::Launch StandbyContainer::Launched() const {
  engines::Launch launch;
  launch.installation = plan_.installation;
  launch.paths = ContainerPaths();
  launch.endpoint = {kLoopback, port_};
  launch.purpose = engines::Purpose::kFollow;
  launch.durable = true;
  launch.primary = plan_.primary.primary;
  return launch;
}

KeeperSpec StandbyContainer::Spec() const {
  KeeperSpec spec;
  spec.id = plan_.source_id;
  spec.directory = plan_.directory;
  spec.index_path = plan_.index_path;
  spec.has_file_system = !plan_.is_fresh;
  spec.layer_directory = host_.layout.Layers();
  spec.volume_bytes = host_.volume_bytes;
  // What it tells the primary that it has, the primary throws away.
  spec.durability = storage::Durability::kAlways;
  spec.installation = plan_.installation;
  spec.endpoint = {kLoopback, port_};
  spec.purpose = engines::Purpose::kFollow;
  spec.primary = plan_.primary.primary;
  spec.primary_addresses = plan_.primary.addresses;
  spec.hold_engine = true;
  spec.engine_uid = spec.engine_gid = host_.engine_host.UserOf(port_);
  spec.volume_uid = host_.engine_host.uid;
  spec.volume_gid = host_.engine_host.gid;
  spec.spawnd = host_.engine_host.build.version;
  spec.build = host_.engine_host.build.id;
  return spec;
}

Result<std::unique_ptr<StandbyContainer>> StandbyContainer::Launch(BuildHost& host, Plan plan,
                                                                   const std::stop_token& stop) {
  std::unique_ptr<StandbyContainer> self(new StandbyContainer(host, std::move(plan)));
  TRY_ASSIGN(self->port_, host.ports.Await(stop, kLoopback));
  KeeperSpec spec = self->Spec();
  const std::string group = GroupOf(spec.id);
  TRY_ASSIGN(spec.tls, host.engine_host.authority->Issue("standby " + std::to_string(spec.id),
                                                         NamesOfServer({spec.endpoint.host})));
  TRY_ASSIGN(spec.control_group, host.groups.Prepare(group, host.engine_host.limits));
  spec.most_processes = host.engine_host.limits.pids.value_or(0);
  TRY_ASSIGN(self->keeper_, KeeperClient::Launch(host.launcher, spec, kLaunchDeadline,
                                                 [&stop] { return stop.stop_requested(); }));
  host.groups.AdmitKeeper(group, self->keeper_->Started().pid);
  return self;
}

Result<std::unique_ptr<StandbyContainer>> StandbyContainer::Find(BuildHost& host, Plan plan) {
  std::unique_ptr<StandbyContainer> self(new StandbyContainer(host, std::move(plan)));
  TRY_ASSIGN(self->keeper_, KeeperClient::Attach(self->plan_.directory));
  TRY_ASSIGN(const KeeperSpec spec, self->keeper_->Spec());
  const bool same = spec.build == host.engine_host.build.id && spec.purpose == engines::Purpose::kFollow &&
                    spec.index_path == self->plan_.index_path &&
                    spec.primary_addresses == self->plan_.primary.addresses;
  if (!same) return Fail(ErrorCode::kUnavailable, "the standby that runs is another one");
  self->port_ = spec.endpoint.port;
  host.ports.Claim(self->port_);
  return self;
}

StandbyContainer::~StandbyContainer() {
  GivePortBack();
}

/// The port may be given to somebody else, though not its user: what runs goes on until the next daemon finds
/// it, which claims it before it gives any.
void StandbyContainer::GivePortBack() {
  if (port_ != 0) host_.ports.Release(std::exchange(port_, 0));
}

Result<StandbyContainer::Outcome> StandbyContainer::Run(
    const engines::Command& command, std::chrono::seconds deadline, const std::stop_token& stop,
    const std::function<void(std::string_view)>& line) const {
  TRY_ASSIGN(SocketPair leash, MakeSocketPair(SOCK_SEQPACKET));
  TRY_ASSIGN(Pipe pipe, MakePipe());
  ProgramOrder order;
  order.command = command;
  ProgramDescriptors descriptors;
  descriptors.leash = std::move(leash.theirs);
  descriptors.output.Reset(::fcntl(pipe.write_end.Get(), F_DUPFD_CLOEXEC, 3));
  descriptors.messages = std::move(pipe.write_end);
  NoteDescriptors(descriptors, order);
  TRY(keeper_->StartTool(std::move(order), std::move(descriptors)));
  Printed printed(line);
  const auto end = steady_clock::now() + deadline;
  // Until nobody writes any more; the program's end is told then.
  while (true) {
    if (stop.stop_requested()) return Fail(ErrorCode::kCancelled, "it was stopped");
    if (steady_clock::now() > end) {
      return Fail(ErrorCode::kTimeout,
                  "'" + command.argv[0] + "' did not end within " + std::to_string(deadline.count()) + " s");
    }
    pollfd readable{pipe.read_end.Get(), POLLIN, 0};
    if (::poll(&readable, 1, kStopCheckMilliseconds) <= 0) continue;
    std::array<char, 4096> bytes{};
    const ssize_t n = ::read(pipe.read_end.Get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    printed.Take({bytes.data(), static_cast<size_t>(n)});
  }
  Outcome outcome;
  TRY_ASSIGN(outcome.exit_code, AwaitProgramEnd(leash.ours.Get(), kEndOfProgram));
  outcome.output = printed.Kept();
  return outcome;
}

Result<void> StandbyContainer::StartEngine(const std::stop_token& stop) {
  return keeper_->StartEngine(kRecoveryDeadline, [&stop] { return stop.stop_requested(); });
}

Result<void> StandbyContainer::CheckRuns() const {
  return keeper_->MeasureVolume().map([](VolumeRoom) {});
}

Result<ImageCompletion> StandbyContainer::Seal(const BuildContext& context, const PendingImage& image) {
  const StoreLayout& layout = context.host.layout;
  const auto stopped = [&context] { return context.stop.stop_requested(); };
  TRY(keeper_->FinishImage(kFinishDeadline, stopped));
  TRY(context.StopRequested());
  const storage::SealRequest request{layout.Layers(), image.layer_id, layout.ImageIndex(image.id)};
  TRY_ASSIGN(storage::SealResult sealed, keeper_->Seal(request, [&](const storage::SealProgress& progress) {
    context.progress.Bytes("sealing", progress.bytes_done, progress.bytes_total);
    return !stopped();
  }));
  struct stat index {};
  const bool there = ::stat(request.index_path.c_str(), &index) == 0;
  ImageCompletion completion;
  completion.data_bytes = static_cast<int64_t>(sealed.data_bytes);
  completion.disk_bytes =
      static_cast<int64_t>(sealed.new_layer_bytes) + (there ? int64_t{index.st_blocks} * 512 : 0);
  completion.index_file = std::to_string(image.id) + ".index";
  completion.layer_ids = std::move(sealed.layer_ids);
  return completion;
}

Result<void> StandbyContainer::End() {
  if (keeper_ != nullptr) {
    TRY(keeper_->Kill(kKillDeadline));
    keeper_.reset();
  }
  host_.groups.Remove(GroupOf(plan_.source_id));
  GivePortBack();
  return {};
}

Result<void> StandbyContainer::StopInOrder(const std::stop_token& stop) {
  const auto patience = [&stop] {
    return stop.stop_requested() ? KeeperClient::Patience::kLeave : KeeperClient::Patience::kWait;
  };
  // On a connection of its own; what is asked on this one would not be answered any more.
  TRY(KeeperClient::Stop(plan_.directory, kStopDeadline, patience).map([](const std::optional<Error>&) {}));
  keeper_.reset();
  return End();
}

bool StandbyContainer::IsUpToDate(const FoundPrimary& now) const {
  const engines::Primary& then = plan_.primary.primary;
  return now.addresses == plan_.primary.addresses && now.primary.password == then.password &&
         now.primary.files == then.files;
}

std::string StandbyContainer::LogTail() const {
  std::ifstream file(plan_.directory + "/" + kEngineLogName, std::ios::binary | std::ios::ate);
  const auto size = static_cast<std::streamoff>(file.tellg());
  if (size <= 0) return {};
  const auto length = std::min(size, static_cast<std::streamoff>(kTailBytes));
  std::string tail(static_cast<size_t>(length), '\0');
  file.seekg(size - length);
  file.read(tail.data(), length);
  return tail;
}

}  // namespace spawnd::daemon
