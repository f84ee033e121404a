/// Containers, images and reconciliation over a scratch state directory, for tests of what a daemon does by
/// itself. No keeper ever runs: the engine of these containers is one that no machine has. For one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/file.h"
#include "daemon/catalog/catalog.h"
#include "daemon/containers/containers.h"
#include "daemon/host/control_groups.h"
#include "daemon/host/engine_host.h"
#include "daemon/host/installations.h"
#include "daemon/host/ports.h"
#include "daemon/images/builtin.h"
#include "daemon/images/images.h"
#include "daemon/keeper/launcher.h"
#include "daemon/loop/event_loop.h"
#include "daemon/loop/jobs.h"
#include "daemon/metrics/metrics.h"
#include "daemon/reconcile.h"
#include "daemon/store/layout.h"
#include "daemon/store/reserve.h"
#include "tests/support/catch.h"
#include "tests/support/direct_run.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::daemon {

struct Machine {
  /// `over`: the scratch folder of an earlier one, which has ended or will not be run again.
  explicit Machine(const std::string& over = "")
      : layout((over.empty() ? scratch.Path() : over) + "/state"),
        reserve(layout.Reserve()),
        catalog(OpenCatalog(layout)) {}
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  /// The jobs know the others.
  ~Machine() {
    launches->Stop();
    recoveries->Stop();
    removals->Stop();
  }

  template <typename T>
  static T Made(Result<T> made) {
    REQUIRE(made);
    return std::move(*made);
  }
  static std::unique_ptr<Catalog> OpenCatalog(const StoreLayout& layout) {
    REQUIRE(layout.Prepare());
    return Made(Catalog::Open(layout.Catalog()));
  }

  /// What serve.cc hangs on it: a look for what is due.
  std::function<void()> look = [] {};
  auto Reconcile() { return daemon::Reconcile(layout, *catalog, containers, images, built_ins); }

  /// Runs the loop until `done`, at most ten seconds.
  template <typename Condition>
  bool RunUntil(Condition done) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    bool reached = false;
    auto ticks = WatchTime(loop->Get(), std::chrono::milliseconds(1), std::chrono::milliseconds(1), [&] {
      reached = done();
      if (reached || std::chrono::steady_clock::now() > end) loop->Stop();
    });
    REQUIRE(ticks);
    loop->Run();
    return reached;
  }

  void RunFor(std::chrono::milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    REQUIRE(RunUntil([end] { return std::chrono::steady_clock::now() >= end; }));
  }

  int64_t PendingImage(const std::string& name) {
    ImageRow row;
    row.name = name;
    row.engine = "postgresql";
    row.engine_version = "15.20";
    const auto id = catalog->images.Insert(row);
    REQUIRE(id);
    return *id;
  }

  int64_t CompletedImage(const std::string& name, const std::string& layer) {
    const int64_t id = PendingImage(name);
    REQUIRE(catalog->images.Complete(id, {"", 1, 1, std::to_string(id) + ".index", {layer}}));
    Touch(layout.ImageIndex(id));
    Touch(layout.Layer(layer));
    return id;
  }

  int64_t CreatingContainer(int64_t image, int64_t expires_at = 0) {
    ContainerRow row;
    row.image_id = image;
    row.port = next_port++;
    row.name = "demo-" + std::to_string(row.port);
    row.expires_at = expires_at;
    row.installation_version = "4.2";  // no machine has it
    const auto id = catalog->containers.Insert(row);
    REQUIRE(id);
    REQUIRE(PosixFileSystem().CreateDirectory(layout.Container(*id)));
    Touch(layout.Container(*id) + "/data");
    return *id;
  }

  static void Touch(const std::string& path) {
    std::ofstream(path) << "x" << std::flush;
    REQUIRE(Exists(path));
  }
  static bool Exists(const std::string& path) { return PosixFileSystem().Exists(path).value(); }

  ScratchDirectory scratch;
  const StoreLayout layout;
  uint16_t next_port = 20001;
  const std::unique_ptr<EventLoop> loop = Made(EventLoop::Make());
  const std::unique_ptr<Mailbox> mailbox = Made(MakeMailbox(loop->Get()));
  SpaceReserve reserve;
  const std::unique_ptr<Catalog> catalog;
  const EngineHost engine_host{"127.0.0.1", 0, 0, 0, {}, {}};
  ControlGroups groups;
  Metrics metrics;
  Ports ports{"127.0.0.1", 20001, 29999};
  Installations installations{{}, spawnd::testing::RunDirectly};
  KeeperLauncher launcher{layout.Root()};
  const std::unique_ptr<Jobs> launches = Jobs::Start({1});
  const std::unique_ptr<Jobs> recoveries = Jobs::Start({1});
  const std::unique_ptr<Jobs> removals = Jobs::Start({1});
  Images images{*catalog, layout, reserve, *removals, *mailbox, [this] { look(); }};
  BuiltIns built_ins{*catalog, installations, uint64_t{64} << 30U};
  Containers containers{{*catalog, layout, reserve, engine_host, groups, ports, installations, launcher,
                         loop->Get(), *mailbox, *launches, *recoveries, *removals,
                         [this](int64_t image_id) {
                           images.ContainerGone(image_id);
                           look();
                         },
                         metrics}};
};

}  // namespace spawnd::daemon
