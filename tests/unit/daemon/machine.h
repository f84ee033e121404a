/// A daemon without a socket over a scratch state directory, for tests of what it does by itself. No keeper
/// ever runs in it: the engine of its containers is one that no machine has. For one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <fstream>
#include <memory>
#include <string>

#include "base/file.h"
#include "daemon/containers/containers.h"
#include "daemon/daemon_state.h"
#include "daemon/images/images.h"
#include "daemon/loop/event_loop.h"
#include "daemon/reaper.h"
#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::daemon {

struct Machine {
  /// `over`: the scratch folder of an earlier one, which has ended or will not be run again.
  explicit Machine(const std::string& over = "")
      : loop(Loop()), state(Config{}, StoreLayout((over.empty() ? scratch.Path() : over) + "/state")) {
    REQUIRE(state.layout.Prepare());
    auto catalog = Catalog::Open(state.layout.Catalog());
    REQUIRE(catalog);
    state.catalog = std::move(*catalog);
    state.loop = loop->Get();
    auto mailbox = MakeMailbox(loop->Get());
    REQUIRE(mailbox);
    state.mailbox = std::move(*mailbox);
    state.containers = std::make_unique<Containers>(state);
    state.images = std::make_unique<Images>(state);
    state.reaper = std::make_unique<Reaper>(state);
    state.launches = Jobs::Start(1);
    state.removals = Jobs::Start(1);
  }

  static std::unique_ptr<EventLoop> Loop() {
    auto made = EventLoop::Make();
    REQUIRE(made);
    return std::move(*made);
  }

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

  int64_t PendingImage(const std::string& name) {
    ImageRow row;
    row.name = name;
    row.engine = "postgresql";
    row.engine_version = "15.20";
    const auto id = state.catalog->InsertImage(row);
    REQUIRE(id);
    return *id;
  }

  int64_t CompletedImage(const std::string& name, const std::string& layer) {
    const int64_t id = PendingImage(name);
    REQUIRE(state.catalog->CompleteImage(id, {"", 1, 1, std::to_string(id) + ".index", {layer}}));
    Touch(state.layout.ImageIndex(id));
    Touch(state.layout.Layer(layer));
    return id;
  }

  int64_t CreatingContainer(int64_t image, int64_t expires_at = 0) {
    ContainerRow row;
    row.image_id = image;
    row.port = next_port++;
    row.name = "demo-" + std::to_string(row.port);
    row.expires_at = expires_at;
    row.installation_version = "4.2";  // no machine has it
    const auto id = state.catalog->InsertContainer(row);
    REQUIRE(id);
    REQUIRE(PosixFileSystem().CreateDirectory(state.layout.Container(*id)));
    Touch(state.layout.Container(*id) + "/data");
    return *id;
  }

  static void Touch(const std::string& path) {
    std::ofstream(path) << "x" << std::flush;
    REQUIRE(Exists(path));
  }
  static bool Exists(const std::string& path) { return PosixFileSystem().Exists(path).value(); }

  ScratchDirectory scratch;
  uint16_t next_port = 20001;
  std::unique_ptr<EventLoop> loop;
  DaemonState state;
};

}  // namespace spawnd::daemon
