#include "daemon/serve.h"

#include <malloc.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <ctime>
#include <utility>

#include "base/accounts.h"
#include "base/file.h"
#include "daemon/access/tokens.h"
#include "daemon/containers/containers.h"
#include "daemon/daemon_state.h"
#include "daemon/handlers/handlers.h"
#include "daemon/handlers/space.h"
#include "daemon/http/listen_socket.h"
#include "daemon/images/images.h"
#include "daemon/keeper/launcher.h"
#include "daemon/log.h"
#include "daemon/logs/log_streams.h"
#include "daemon/loop/event_loop.h"
#include "daemon/reaper.h"
#include "daemon/reconcile.h"
#include "daemon/version.h"

namespace spawnd::daemon {

namespace {

/// How long answers under way may take to reach slow clients once the daemon is asked to stop.
constexpr std::chrono::seconds kGoodbye{5};
/// Threads of ours are many and idle; without this each could claim a heap of its own.
constexpr int kHeaps = 2;

/// Process-wide settings, before there are threads.
void SetUpProcess() {
  StartLogging();
  ::signal(SIGPIPE, SIG_IGN);
  // Whatever is made without an explicit mode is nobody else's business.
  ::umask(0077);
  ::mallopt(M_ARENA_MAX, kHeaps);
  // One descriptor watches each container, and every connection is one.
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
}

Result<void> CheckRoot() {
  if (::geteuid() == 0) return {};
  return Fail(ErrorCode::kForbidden, "spawnd needs root to mount volumes and to start engines",
              "Start it with sudo, or as the systemd service spawnd.service.");
}

Result<EngineUser> FindEngineUser(const std::string& name) {
  TRY_ASSIGN(const auto user, UserNamed(name));
  if (!user) {
    return Fail(ErrorCode::kNotFound, "there is no user '" + name + "' for engines to run as",
                "Make it with `sudo useradd --system --shell /usr/sbin/nologin " + name +
                    "`, or name another one as engineUser in spawnd.yaml.");
  }
  if (user->uid == 0) {
    return Fail(ErrorCode::kInvalidArgument, "engines cannot run as root",
                "Name an unprivileged user as engineUser in spawnd.yaml.");
  }
  return EngineUser{user->uid, user->gid};
}

/// The running daemon. Members go in reverse: the server first, so that nobody calls; then, inside the state,
/// the jobs before what they refer to; the loop last, because it runs the close callbacks of all handles.
class Daemon {
 public:
  Daemon(Config config, StoreLayout layout) : state_(std::move(config), std::move(layout)) {}

  Result<void> Start(const ServeOptions& options);
  void Run() { loop_->Run(); }

 private:
  Result<void> OpenCatalog();
  Result<void> Listen(UniqueFd socket);
  Result<void> WatchSignals();
  void Stop(std::string_view why);

  UniqueFd lock_;
  std::unique_ptr<EventLoop> loop_;
  DaemonState state_;
  http::Router router_;
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<Watch> terminate_;
  std::unique_ptr<Watch> interrupt_;
  std::unique_ptr<Watch> goodbye_;
  bool stopping_ = false;
};

Result<void> Daemon::Start(const ServeOptions& options) {
  TRY_ASSIGN(state_.engine_user, FindEngineUser(state_.config.engine_user));
  TRY(state_.layout.Prepare());
  TRY_ASSIGN(lock_, LockStateDirectory(state_.layout.Root()));
  TRY_ASSIGN(ListenSocket socket, OpenListenSocket(options.socket_path));
  state_.socket_access = socket.access;
  TRY_ASSIGN(state_.tls, EnsureTlsCertificate(state_.layout.Root()));
  TRY(OpenCatalog());
  state_.installations.Detect();
  for (const std::string& line : state_.installations.Describe()) spdlog::info("found {}", line);

  TRY_ASSIGN(loop_, EventLoop::Make());
  state_.loop = loop_->Get();
  TRY_ASSIGN(state_.mailbox, MakeMailbox(loop_->Get()));
  state_.containers = std::make_unique<Containers>(state_);
  state_.images = std::make_unique<Images>(state_);
  state_.space = std::make_unique<Space>(state_);
  TRY_ASSIGN(state_.launcher, KeeperLauncher::Start());
  state_.launches = Jobs::Start(kLaunchThreads);
  state_.builds = Jobs::Start(kBuildThreads);
  state_.removals = Jobs::Start(kRemovalThreads);
  state_.questions = Jobs::Start(kQuestionThreads);
  state_.logs = LogStreams::Start();
  TRY(Reconcile(state_));
  TRY(state_.space->Watch());
  state_.reaper = std::make_unique<Reaper>(state_);
  state_.reaper->Look();
  TRY(Listen(std::move(socket.fd)));
  TRY(WatchSignals());
  ::sd_notify(0, "READY=1\nSTATUS=serving");
  spdlog::info("spawnd {} serves '{}' on '{}'", BuildVersion().version, state_.layout.Root(),
               socket.from_systemd ? "systemd's socket" : options.socket_path);
  return {};
}

Result<void> Daemon::OpenCatalog() {
  TRY_ASSIGN(const bool there, PosixFileSystem().Exists(state_.layout.Catalog()));
  TRY(CheckStoreHasCatalog(state_, !there));
  // SQLite's log and its shared memory need a few blocks, also on a full disk.
  TRY_ASSIGN(state_.catalog,
             WithReserve(state_.reserve, [this] { return Catalog::Open(state_.layout.Catalog()); }));
  state_.tokens = std::make_unique<AccessTokens>(*state_.catalog, [] { return std::time(nullptr); });
  return {};
}

Result<void> Daemon::Listen(UniqueFd socket) {
  router_ = MakeRouter(state_);
  TRY_ASSIGN(server_, http::Server::Start(
                          loop_->Get(), std::move(socket), http::Limits{},
                          [this](http::Request request, const http::Reply& reply) {
                            if (stopping_) {
                              return SendError(reply, {ErrorCode::kUnavailable, "the daemon is stopping"});
                            }
                            router_.Handle(std::move(request), reply);
                          }));
  return {};
}

Result<void> Daemon::WatchSignals() {
  TRY_ASSIGN(terminate_, WatchSignal(loop_->Get(), SIGTERM, [this] { Stop("SIGTERM"); }));
  TRY_ASSIGN(interrupt_, WatchSignal(loop_->Get(), SIGINT, [this] { Stop("SIGINT"); }));
  return {};
}

void Daemon::Stop(std::string_view why) {
  if (std::exchange(stopping_, true)) return;
  spdlog::info("{}: stopping; containers keep running", why);
  ::sd_notify(0, "STOPPING=1\nSTATUS=stopping; containers keep running");
  server_->Close([this] { loop_->Stop(); });
  state_.reaper->Stop();
  state_.containers->Stop();
  state_.images->Stop();
  // Waits for the jobs, which have been asked to stop: builds take away what they made. The loop goes on
  // afterwards, to send the last lines.
  state_.builds.reset();
  state_.launches.reset();
  state_.removals.reset();
  state_.questions.reset();
  // Followers would wait for ever.
  state_.logs.reset();
  auto goodbye = WatchTime(loop_->Get(), kGoodbye, std::chrono::milliseconds(0), [this] { loop_->Stop(); });
  if (goodbye) {
    goodbye_ = std::move(*goodbye);
  } else {
    loop_->Stop();
  }
}

}  // namespace

Result<void> Serve(const ServeOptions& options) {
  SetUpProcess();
  TRY(CheckRoot());
  const bool named = !options.config_path.empty();
  TRY_ASSIGN(Config config, LoadConfig(named ? options.config_path : kDefaultConfigPath, named));
  Daemon daemon(std::move(config), StoreLayout(options.state_directory));
  TRY(daemon.Start(options));
  daemon.Run();
  spdlog::info("stopped");
  return {};
}

}  // namespace spawnd::daemon
