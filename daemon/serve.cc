#include "daemon/serve.h"

#include <fmt/format.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <functional>
#include <thread>
#include <utility>

#include "base/file.h"
#include "daemon/access/quotas.h"
#include "daemon/access/tokens.h"
#include "daemon/access/visibility.h"
#include "daemon/build/host.h"
#include "daemon/config.h"
#include "daemon/containers/bound_clients.h"
#include "daemon/containers/containers.h"
#include "daemon/disk_watch.h"
#include "daemon/doctor/doctor.h"
#include "daemon/events/news.h"
#include "daemon/handlers/handlers.h"
#include "daemon/handlers/services.h"
#include "daemon/host/control_groups.h"
#include "daemon/host/delegation.h"
#include "daemon/host/engine_host.h"
#include "daemon/host/installations.h"
#include "daemon/host/ports.h"
#include "daemon/host/ready_memory.h"
#include "daemon/http/listen_socket.h"
#include "daemon/http/server.h"
#include "daemon/images/builtin.h"
#include "daemon/images/images.h"
#include "daemon/keeper/launcher.h"
#include "daemon/logs/log_streams.h"
#include "daemon/loop/event_loop.h"
#include "daemon/loop/key_guards.h"
#include "daemon/memory_watch.h"
#include "daemon/metrics/metrics.h"
#include "daemon/pool/pool.h"
#include "daemon/pool/spare_room.h"
#include "daemon/reaper.h"
#include "daemon/reconcile.h"
#include "daemon/reload.h"
#include "daemon/sleep/sleeper.h"
#include "daemon/sources/sources.h"
#include "daemon/sources/standby_threads.h"
#include "daemon/start_up.h"
#include "daemon/store/generation.h"
#include "daemon/store/state_lock.h"
#include "daemon/upkeep/catalog_copies.h"
#include "daemon/upkeep/lost_hours.h"
#include "daemon/upkeep/manifests.h"
#include "daemon/version.h"

namespace spawnd::daemon {

namespace {

/// How long answers under way may take to reach slow clients once the daemon is asked to stop.
constexpr std::chrono::seconds kGoodbye{5};
/// How long all of a stop may take: a disk that does not answer, or a directory service, must not hold up a
/// machine's shutdown. Whatever was not finished, the next start finishes, as after a kill.
constexpr std::chrono::seconds kLongestStop{10};
/// How long servers that do not answer may hold up a start; they are asked again behind it.
constexpr std::chrono::milliseconds kPatienceAtStart{2000};
/// How many jobs of each kind run at once, and how many of them root cannot take from the others, nor they
/// from root; more wait in line.
constexpr size_t kLaunches = 36;  ///< each waits for one keeper: a whole wave of creates at once
constexpr size_t kLaunchReserve = 4;
constexpr size_t kBuilds = 10;
constexpr size_t kBuildReserve = 2;
constexpr size_t kRemovals = 10;  ///< killing keepers and removing files
constexpr size_t kRemovalReserve = 2;
constexpr size_t kRemovalsOfUser = 4;
constexpr size_t kQuestions = 8;  ///< what blocks for moments: disk usage, user names
constexpr size_t kQuestionReserve = 2;
constexpr size_t kQuestionsOfUser = 3;

/// The running daemon. Whatever refers to another member stands below it, and goes before it; the jobs, which
/// refer to all of them, are ended before any goes.
class Daemon {
 public:
  Daemon(Config config, StoreLayout layout);
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;
  ~Daemon();

  Result<void> Start(const ServeOptions& options);
  void Run() {
    loop_->Run();
    manifests_->Finish();  // the last answers are sent: nothing changes any more
  }

 private:
  Result<ProcessOutput> RunProgram(const std::string& root, const engines::Command& command);
  void Delegate(pid_t launcher);
  Result<void> OpenCatalog();
  void BeginGeneration();
  void MakeParts(const SocketAccess& access, std::multimap<std::string, UniqueFd>& kept);
  DoctorSubject SubjectOfDoctor(const std::string& socket_path);
  void MakeSources(const std::string& socket_path);
  void MakeServices(const std::string& socket_path);
  void MakeReload(const std::string& config_path);
  Result<void> Listen(UniqueFd socket);
  Result<void> WatchSignals();
  void Stop(std::string_view why);

  const Config config_;
  const StoreLayout layout_;
  UniqueFd lock_;
  EngineHost engine_host_;
  ControlGroups groups_;
  Ports ports_;
  Installations installations_;
  TeamMembers teams_;
  Quotas quotas_;
  Disk disk_;
  Imports imports_{layout_, disk_};
  KeyGuards empty_images_;
  std::stop_source stopping_;
  DoctorSubject doctor_;
  Metrics metrics_;

  std::unique_ptr<EventLoop> loop_;  ///< goes late: it runs the close callbacks of all handles
  std::unique_ptr<Mailbox> mailbox_;
  std::unique_ptr<KeeperLauncher> launcher_;
  SpaceReserve reserve_;
  Uploads uploads_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<Jobs> launches_;
  std::unique_ptr<Jobs> recoveries_;
  std::unique_ptr<Jobs> builds_;
  std::unique_ptr<Jobs> removals_;
  std::unique_ptr<Jobs> questions_;
  std::unique_ptr<LogStreams> logs_;
  std::unique_ptr<News> news_;
  std::unique_ptr<AccessTokens> tokens_;
  std::unique_ptr<Doorkeeper> doorkeeper_;
  std::unique_ptr<Images> images_;
  std::unique_ptr<BuiltIns> built_ins_;
  std::unique_ptr<Containers> containers_;
  std::unique_ptr<BoundClients> bound_clients_;
  std::unique_ptr<ReadyMemory> ready_memory_;
  std::unique_ptr<Pool> pool_;
  std::unique_ptr<SpareRoom> spare_room_;
  std::unique_ptr<Reaper> reaper_;
  std::unique_ptr<DiskWatch> disk_watch_;
  std::unique_ptr<MemoryWatch> memory_watch_;
  std::unique_ptr<Sleeper> sleeper_;
  std::unique_ptr<CatalogCopies> catalog_copies_;
  std::unique_ptr<Manifests> manifests_;
  std::unique_ptr<LostHours> lost_hours_;
  std::unique_ptr<BuildHost> build_host_;
  std::unique_ptr<StandbyThreads> standbys_;
  std::unique_ptr<Sources> sources_;
  std::unique_ptr<Reload> reload_;
  std::unique_ptr<Services> services_;
  http::Router router_;
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<Watch> terminate_;
  std::unique_ptr<Watch> interrupt_;
  std::unique_ptr<Watch> hang_up_;
  std::unique_ptr<Watch> goodbye_;
};

Daemon::Daemon(Config config, StoreLayout layout)
    : config_(std::move(config)),
      layout_(std::move(layout)),
      ports_(config_.host, config_.first_port, config_.last_port, config_.also_listen),
      installations_({config_.engine_search_paths, config_.engine_usual_places, config_.accepted_licences,
                      layout_.Versions()},
                     [this](const std::string& root, const engines::Command& command) {
                       return RunProgram(root, command);
                     }),
      teams_(config_.teams, config_.publishers, config_.importers, config_.require_masked),
      quotas_(config_.quotas),
      disk_(layout_.Root(), config_.disk_warn_percent, config_.disk_refuse_percent),
      reserve_(layout_.Reserve()) {}

Daemon::~Daemon() {
  installations_.StopAsking();
  for (Jobs* jobs : {builds_.get(), launches_.get(), recoveries_.get(), removals_.get(), questions_.get()}) {
    if (jobs != nullptr) jobs->Stop();
  }
}

Result<void> Daemon::Start(const ServeOptions& options) {
  TRY_ASSIGN(engine_host_, FindEngineHost(config_));
  engine_host_.host_network = config_.host_network;
  engine_host_.also = config_.also_listen;
  engine_host_.build = {BuildVersion().version, BuildId()};
  TRY(layout_.Prepare());
  TRY_ASSIGN(lock_, LockStateDirectory(layout_.Root()));
  TRY_ASSIGN(ListenSocket socket, OpenListenSocket(options.socket_path));
  TRY_ASSIGN(CertificateAuthority authority, CertificateAuthority::Open(layout_.Root()));
  engine_host_.authority = std::make_shared<const CertificateAuthority>(std::move(authority));
  TRY(OpenCatalog());
  engine_host_.limits = config_.limits;
  engine_host_.sleep_after = config_.ready_ahead.sleep_after;
  TRY_ASSIGN(launcher_, KeeperLauncher::Start(layout_.Root(), [this](pid_t launcher) {
               Delegate(launcher);
             }));  // before there are threads
  groups_.RemoveEmpty();
  installations_.Detect(kPatienceAtStart);
  for (const std::string& line : installations_.Describe()) spdlog::info("found {}", line);
  installations_.KeepAsking([](const std::string& line) { spdlog::info("found {}", line); });

  TRY_ASSIGN(loop_, EventLoop::Make());
  TRY_ASSIGN(mailbox_, MakeMailbox(loop_->Get()));
  doctor_ = SubjectOfDoctor(options.socket_path);
  TRY_ASSIGN(news_, News::Start(*catalog_, layout_.Catalog(), teams_, layout_.Webhooks(),
                                {engine_host_.uid, engine_host_.gid, {}}, config_.webhooks));
  MakeParts(socket.access, socket.kept);
  MakeServices(options.socket_path);
  MakeReload(options.config_path);
  TRY(Reconcile(layout_, *catalog_, *containers_, *images_, *built_ins_));
  TRY(bound_clients_->Adopt());
  TRY(pool_->Start(loop_->Get()));
  TRY(spare_room_->Start(loop_->Get()));
  TRY(disk_watch_->Start(loop_->Get()));
  TRY(memory_watch_->Start(loop_->Get()));
  TRY(sleeper_->Start(loop_->Get()));
  TRY(catalog_copies_->Start(loop_->Get()));
  TRY(manifests_->Start());
  TRY(lost_hours_->Start(loop_->Get()));
  reaper_->ReapDue();
  questions_->Run(kForDaemon, [this](const std::stop_token&) { imports_.DropOld(); });
  TRY(Listen(std::move(socket.fd)));
  TRY(sources_->Start());  // its runs ask the daemon
  standbys_->RemoveLost();
  TRY(WatchSignals());
  ::sd_notify(0, "READY=1\nSTATUS=serving");
  spdlog::info("spawnd {} serves '{}' on '{}'", BuildVersion().version, layout_.Root(),
               socket.from_systemd ? "systemd's socket" : options.socket_path);
  return {};
}

/// Of an installation, where it sees nothing else.
Result<ProcessOutput> Daemon::RunProgram(const std::string& root, const engines::Command& command) {
  return launcher_->RunProgram({root, command, engine_host_.uid, engine_host_.gid,
                                engines::kServerRunDeadline, engines::kMaxServerRunOutput});
}

/// For each launcher, as long as one of them holds the group. What cannot be had is said, and nothing fails.
void Daemon::Delegate(pid_t launcher) {
  const auto group = DelegatedGroup(launcher, layout_.Root());
  const auto entered = group ? groups_.Enter(*group, launcher) : Fail(group.error());
  if (!entered) spdlog::warn("containers have no limits: {}", entered.error().message);
  for (const std::string& missing : groups_.Missing()) {
    spdlog::warn("containers have no limits of the kind '{}': cgroup v2 lacks that controller here", missing);
  }
}

Result<void> Daemon::OpenCatalog() {
  TRY_ASSIGN(const bool there, PosixFileSystem().Exists(layout_.Catalog()));
  TRY(CheckStoreHasCatalog(layout_, !there));
  // SQLite's log and its shared memory need a few blocks, also on a full disk.
  TRY_ASSIGN(catalog_, WithReserve(reserve_, [this] { return Catalog::Open(layout_.Catalog()); }));
  if (there) TRY(RefuseOlderCatalog(layout_, *catalog_));
  BeginGeneration();
  return {};
}

/// Without a new one only the telling of older catalogs is worse, and nothing else fails.
void Daemon::BeginGeneration() {
  const auto begun = WithReserve(reserve_, [this] { return NextGeneration(layout_, *catalog_); });
  if (!begun)
    spdlog::warn("a copy of the catalog may pass for the catalog of now: {}", begun.error().message);
}

void Daemon::MakeParts(const SocketAccess& access, std::multimap<std::string, UniqueFd>& kept) {
  launches_ =
      Jobs::Start({kLaunches, kLaunchReserve, [this](uid_t uid) { return quotas_.Of(uid).launches; }});
  // Containers that come back by themselves: as many at once as there are cores, one of these for others.
  const size_t cores = std::max<size_t>(2, std::thread::hardware_concurrency());
  recoveries_ = Jobs::Start({cores, cores < 4 ? 0U : 1U, [cores](uid_t) { return cores - 1; }});
  builds_ = Jobs::Start({kBuilds, kBuildReserve, [this](uid_t uid) { return quotas_.Of(uid).builds; }});
  removals_ = Jobs::Start({kRemovals, kRemovalReserve, [](uid_t) { return kRemovalsOfUser; }});
  questions_ = Jobs::Start({kQuestions, kQuestionReserve, [](uid_t) { return kQuestionsOfUser; }});
  logs_ = LogStreams::Start();
  const auto reap = [this] { reaper_->ReapDue(); };
  tokens_ = std::make_unique<AccessTokens>(*catalog_, [] { return std::time(nullptr); });
  doorkeeper_ = std::make_unique<Doorkeeper>(*tokens_, access, *questions_, *mailbox_, stopping_.get_token());
  images_ = std::make_unique<Images>(*catalog_, layout_, reserve_, *removals_, *mailbox_, reap);
  built_ins_ = std::make_unique<BuiltIns>(*catalog_, installations_, config_.volume_bytes);
  containers_ = std::make_unique<Containers>(
      Containers::Uses{*catalog_, layout_, reserve_, engine_host_, groups_, ports_, installations_,
                       *launcher_, loop_->Get(), *mailbox_, *launches_, *recoveries_, *removals_,
                       [this](int64_t image_id) {
                         images_->ContainerGone(image_id);
                         reaper_->ReapDue();  // its image may have expired meanwhile
                         pool_->Poke();
                       },
                       metrics_, [this] { return spare_room_->HasRoom(); },
                       [this](const std::string& from, const std::string& to, bool is_new) {
                         logs_->Moved(from, to, is_new ? Continuation::kWhole : Continuation::kFromNow);
                       }},
      TakeKeptDoors(kept));
  ready_memory_ = std::make_unique<ReadyMemory>(static_cast<uint64_t>(ReadyMemoryOf(config_.ready_ahead)));
  spare_room_ = std::make_unique<SpareRoom>(SpareRoom::Uses{*containers_, groups_, disk_, *ready_memory_});
  bound_clients_ = std::make_unique<BoundClients>(*catalog_, *containers_, loop_->Get());
  pool_ = std::make_unique<Pool>(
      Pool::Uses{*catalog_, *containers_, engine_host_, groups_, ports_, installations_, disk_,
                 *ready_memory_, *launches_, *recoveries_, *questions_, *mailbox_, metrics_},
      config_.ready_ahead.default_warm);
  reaper_ = std::make_unique<Reaper>(*catalog_, *containers_, *images_, loop_->Get());
  disk_watch_ = std::make_unique<DiskWatch>(disk_, reserve_);
  memory_watch_ =
      std::make_unique<MemoryWatch>(MemoryWatch::Uses{*containers_, groups_, *questions_, *mailbox_});
  sleeper_ = std::make_unique<Sleeper>(Sleeper::Uses{*catalog_, *containers_, engine_host_, *questions_,
                                                     *mailbox_, metrics_, config_.first_port,
                                                     config_.last_port, *ready_memory_});
  catalog_copies_ =
      std::make_unique<CatalogCopies>(layout_, *removals_, *mailbox_, [this] { BeginGeneration(); });
  manifests_ = std::make_unique<Manifests>(layout_, *catalog_, *removals_, *mailbox_, loop_->Get());
  lost_hours_ = std::make_unique<LostHours>(layout_, *removals_);
  build_host_ = std::make_unique<BuildHost>(
      BuildHost{*catalog_, *images_, *mailbox_, layout_, disk_, engine_host_, groups_, ports_, installations_,
                *launcher_, empty_images_, config_.volume_bytes, config_.engine_fallbacks, metrics_});
}

void Daemon::MakeSources(const std::string& socket_path) {
  standbys_ = std::make_unique<StandbyThreads>(*build_host_);
  sources_ = std::make_unique<Sources>(Sources::Uses{*catalog_, layout_, *images_, *questions_, *removals_,
                                                     *mailbox_, metrics_, loop_->Get(), FindSpawnctl(),
                                                     socket_path, standbys_.get()});
}

void Daemon::MakeServices(const std::string& socket_path) {
  MakeSources(socket_path);
  services_ = std::make_unique<Services>(Services{layout_,
                                                  teams_,
                                                  quotas_,
                                                  disk_,
                                                  engine_host_,
                                                  groups_,
                                                  *build_host_,
                                                  *mailbox_,
                                                  *builds_,
                                                  *launches_,
                                                  *questions_,
                                                  *logs_,
                                                  *news_->streams,
                                                  uploads_,
                                                  imports_,
                                                  doctor_,
                                                  BuildVersion(),
                                                  metrics_,
                                                  {{"launches", *launches_},
                                                   {"recoveries", *recoveries_},
                                                   {"builds", *builds_},
                                                   {"removals", *removals_},
                                                   {"questions", *questions_}},
                                                  *catalog_,
                                                  reserve_,
                                                  *doorkeeper_,
                                                  *containers_,
                                                  *bound_clients_,
                                                  *images_,
                                                  *built_ins_,
                                                  *pool_,
                                                  *sources_,
                                                  *ready_memory_,
                                                  [this](uid_t uid) { return server_->ConnectionsOf(uid); },
                                                  [this] { return server_->Counts(); },
                                                  [this] { reaper_->ReapDue(); }});
}

DoctorSubject Daemon::SubjectOfDoctor(const std::string& socket_path) {
  return {layout_.Root(),
          socket_path,
          config_.engine_user,
          config_.first_user,
          config_.last_user,
          config_.host,
          config_.first_port,
          config_.last_port,
          config_.disk_warn_percent,
          config_.disk_refuse_percent,
          [this] {
            installations_.Detect();
            return installations_.All();
          },
          [this](const engines::Command& command) { return RunProgram("/usr", command); },
          [this] {
            return groups_.Enforced() ? groups_.Missing()
                                      : std::vector<std::string>{"no control group is ours"};
          },
          config_.also_listen};
}

void Daemon::MakeReload(const std::string& config_path) {
  const ConfigFile file = ConfigFileOf(config_path);
  reload_ = std::make_unique<Reload>(
      file.path, file.must_exist, config_,
      Reload::Uses{teams_, quotas_, disk_, *questions_, *mailbox_, stopping_.get_token(),
                   [this](const Config& wanted) { news_->webhooks->Change(wanted.webhooks); }});
}

Result<void> Daemon::Listen(UniqueFd socket) {
  router_ = MakeRouter(*services_);
  http::Limits limits;
  limits.connections_of_user = [this](uid_t uid) { return quotas_.Of(uid).connections; };
  limits.is_streamed = HasStreamedBody;
  TRY_ASSIGN(server_, http::Server::Start(loop_->Get(), std::move(socket), limits,
                                          [this](http::Request request, const http::Reply& reply) {
                                            router_.Handle(std::move(request), reply);
                                          }));
  return {};
}

Result<void> Daemon::WatchSignals() {
  TRY_ASSIGN(terminate_, WatchSignal(loop_->Get(), SIGTERM, [this] { Stop("SIGTERM"); }));
  TRY_ASSIGN(interrupt_, WatchSignal(loop_->Get(), SIGINT, [this] { Stop("SIGINT"); }));
  TRY_ASSIGN(hang_up_, WatchSignal(loop_->Get(), SIGHUP, [this] { reload_->Begin(); }));
  HoldReload(false);
  return {};
}

/// Ends the process once a stop has taken too long.
void BoundStop() {
  std::thread([] {
    std::this_thread::sleep_for(kLongestStop);
    spdlog::warn("stopping takes longer than {} s: the rest is left to the next start", kLongestStop.count());
    ::_exit(0);
  }).detach();
}

void Daemon::Stop(std::string_view why) {
  if (!stopping_.request_stop()) return;
  spdlog::info("{}: stopping; containers keep running", why);
  BoundStop();
  ::sd_notify(0, "STOPPING=1\nSTATUS=stopping; containers keep running");
  server_->Close([this] { loop_->Stop(); });
  reaper_->Stop();
  pool_->Stop();
  sources_->Stop();
  containers_->StopAll();
  images_->Stop();
  // Waits for the jobs, which have been asked to stop: builds take away what they made. The loop goes on
  // afterwards, and so do the questions, to send the last answers.
  builds_->Stop();
  launches_->Stop();
  recoveries_->Stop();
  removals_->Stop();
  logs_->Stop();
  news_->Stop();
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
  const ConfigFile file = ConfigFileOf(options.config_path);
  TRY_ASSIGN(Config config, LoadConfig(file.path, file.must_exist));
  Daemon daemon(std::move(config), StoreLayout(options.state_directory));
  TRY(daemon.Start(options));
  daemon.Run();
  spdlog::info("stopped");
  return {};
}

}  // namespace spawnd::daemon
