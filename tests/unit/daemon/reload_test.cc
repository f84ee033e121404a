/// Settings that are read again while the daemon runs.
#include "daemon/reload.h"

#include <chrono>
#include <fstream>
#include <functional>
#include <memory>
#include <thread>

#include "daemon/access/visibility.h"
#include "daemon/loop/event_loop.h"
#include "daemon/loop/jobs.h"
#include "daemon/loop/mailbox.h"
#include "daemon/store/disk.h"
#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::daemon {
namespace {

// A user that every Linux machine has.
const Identity kMember{1, 1, {}};

struct Running {
  Running() {
    auto made = EventLoop::Make();
    REQUIRE(made);
    loop = std::move(*made);
    auto box = MakeMailbox(loop->Get());
    REQUIRE(box);
    mailbox = std::move(*box);
    Write("teams: {devs: {users: daemon}}");
    auto config = LoadConfig(file, true);
    REQUIRE(config);
    teams = std::make_unique<TeamMembers>(config->teams);
    quotas = std::make_unique<Quotas>(config->quotas);
    disk = std::make_unique<Disk>(scratch.Path(), config->disk_warn_percent, config->disk_refuse_percent);
    jobs = Jobs::Start({1});
    reload = std::make_unique<Reload>(
        file, true, *config, Reload::Uses{*teams, *quotas, *disk, *jobs, *mailbox, stopping.get_token()});
  }
  ~Running() { jobs->Stop(); }

  void Write(const std::string& yaml) const { std::ofstream(file) << yaml << '\n' << std::flush; }
  bool IsMember() const { return teams->Contains("devs", kMember); }

  /// Runs the loop until `done`, at most ten seconds.
  bool Wait(const std::function<bool()>& done) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    const auto tick = std::chrono::milliseconds(1);
    auto ticks = WatchTime(loop->Get(), tick, tick, [&] {
      if (done() || std::chrono::steady_clock::now() > end) loop->Stop();
    });
    REQUIRE(ticks);
    loop->Run();
    return done();
  }
  /// Runs the loop until a reload that was begun is through.
  void Reloaded() {
    reload->Begin();
    bool through = false;
    jobs->Run(kForDaemon, [&](const std::stop_token&) { mailbox->Post([&] { through = true; }); });
    REQUIRE(Wait([&] { return through; }));
  }

  const ScratchDirectory scratch;
  const std::string file = scratch / "spawnd.yaml";
  std::stop_source stopping;
  std::unique_ptr<EventLoop> loop;
  std::unique_ptr<Mailbox> mailbox;
  std::unique_ptr<TeamMembers> teams;
  std::unique_ptr<Quotas> quotas;
  std::unique_ptr<Disk> disk;
  std::unique_ptr<Jobs> jobs;
  std::unique_ptr<Reload> reload;
};

TEST_CASE("reload: teams, quotas and limits of the disk are what the file says now") {
  Running daemon;
  CHECK(daemon.IsMember());
  CHECK(daemon.disk->LevelOf(50) == Disk::Level::kEnough);
  CHECK(daemon.quotas->Of(kMember.uid).builds == 2);
  daemon.Write(
      "{diskWarnPercent: 40, diskRefusePercent: 45, quotas: {builds: 1, users: {daemon: {builds: 5}, "
      "nobody-at-all: {}}}}");
  daemon.Reloaded();
  CHECK_FALSE(daemon.IsMember());
  CHECK(daemon.quotas->Of(kMember.uid).builds == 5);
  CHECK(daemon.quotas->Of(kMember.uid).containers == 200);
  CHECK(daemon.quotas->Of(4'000'000'001).builds == 1);
  CHECK(daemon.quotas->Of(0) == UserLimits{0, 0, 0, 0, 0});
  CHECK(daemon.disk->LevelOf(42) == Disk::Level::kLow);
  CHECK(daemon.disk->LevelOf(50) == Disk::Level::kNone);
  CHECK(daemon.disk->RefusePercent() == 45);
}

TEST_CASE("reload: a file that cannot be used changes nothing") {
  Running daemon;
  for (const char* yaml :
       {"{diskWarnPercent: 1, teems: {}}", "{diskWarnPercent: 9, diskRefusePercent: 8}", "{"}) {
    INFO(yaml);
    daemon.Write(yaml);
    daemon.Reloaded();
    CHECK(daemon.IsMember());
    CHECK(daemon.disk->LevelOf(50) == Disk::Level::kEnough);
  }
}

TEST_CASE("reload: one that is asked for while another is under way reads the file once more") {
  Running daemon;
  std::stop_source hold;
  daemon.jobs->Run(kForDaemon, [&](const std::stop_token&) {  // there is one thread, first come first served
    while (!hold.stop_requested()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  });
  daemon.reload->Begin();
  daemon.reload->Begin();
  daemon.jobs->Run(kForDaemon,
                   [&](const std::stop_token&) { daemon.Write("teams:"); });  // after the first has read it
  hold.request_stop();
  CHECK(daemon.Wait([&] { return !daemon.IsMember(); }));
}

TEST_CASE("reload: a daemon that stops reads nothing any more") {
  Running daemon;
  daemon.Write("teams:");
  daemon.stopping.request_stop();
  daemon.Reloaded();
  CHECK(daemon.IsMember());
}

}  // namespace
}  // namespace spawnd::daemon
