/// `./dev bench engines`: of each installed engine a create against the same server's bare start, in turns;
/// and what a fresh container keeps in memory, against the bare server, and on the disk.
#include <fmt/core.h>

#include <cstdlib>
#include <memory>
#include <thread>

#include "engines/registry.h"
#include "tests/bench/bare_server.h"
#include "tests/bench/groups.h"
#include "tests/bench/processes.h"
#include "tests/bench/samples.h"
#include "tests/places.h"
#include "tests/support/direct_run.h"

namespace spawnd::bench {
namespace {

constexpr int kRounds = 15;
constexpr double kTargetOverhead = 40;  // milliseconds

std::string RowName(const engines::Engine& engine) {
  return "create-" + std::string(engine.Name());
}

/// The one that the private daemon takes.
Result<engines::Installation> Installed(const engines::Engine& engine) {
  std::vector<std::string> places = engine.UsualPlaces();
  places.emplace_back(SPAWND_SOURCE_ROOT "/.deps");
  places.emplace_back(SPAWND_SOURCE_ROOT "/.deps/unpacked");
  const auto found = engine.Detect(places, spawnd::testing::RunDirectly);
  return engines::ChooseInstallation(engine, found, "");
}

/// Of a container that nobody has used, and of the bare server beside it: some seconds after their start.
Result<std::vector<Row>> MeasureFresh(PrivateDaemon& daemon, BareServer& bare, const std::string& name,
                                      const std::string& image) {
  TRY(bare.Start());
  TRY_ASSIGN(const api::DataContainer container, daemon.CreateContainer(image));
  std::this_thread::sleep_for(std::chrono::seconds(3));
  TRY_ASSIGN(const std::string keeper, FindKeeper(container.id));
  const pid_t keeper_pid = static_cast<pid_t>(std::strtol(keeper.c_str() + sizeof "/proc/" - 1, nullptr, 10));
  const double with_spawnd = MegabytesBelow(keeper_pid, false);
  const double without = MegabytesBelow(bare.Pid(), true);
  TRY(bare.Stop());
  TRY(daemon.WaitForCommits());
  TRY_ASSIGN(const api::DataContainer now, daemon.GetContainer(container.name));
  TRY(daemon.DeleteContainer(container.name));
  TRY(daemon.WaitUntilDeleted());
  Row memory;
  memory.name = "memory-" + name;
  memory.value = with_spawnd;
  memory.unit = "MB";
  memory.baseline = fmt::format("bare server {:.0f} MB", without);
  memory.ratio = with_spawnd / without;
  memory.runs = 1;
  memory.spread = "-";
  Row space;
  space.name = "space-fresh-" + name;
  space.value = static_cast<double>(now.disk_bytes) / 1024;
  space.unit = "KiB";
  space.target = "<= 4096 KiB";
  space.met = now.disk_bytes <= int64_t{4} << 20U;
  space.runs = 1;
  space.spread = "-";
  return std::vector<Row>{std::move(memory), std::move(space)};
}

Result<std::vector<Row>> Measure(Context& context, const engines::Engine& engine,
                                 const engines::Installation& installation) {
  TRY_ASSIGN(PrivateDaemon* const daemon, context.Daemon());
  TRY_ASSIGN(const std::string directory, context.Scratch("bare-" + std::string(engine.Name())));
  TRY_ASSIGN(const auto bare, BareServer::Initialise(engine, installation, directory));
  const std::string image = "empty-" + std::string(engine.Name());
  TRY(daemon->CreateEmptyImage(image, std::string(engine.Name())).map([](const auto&) {}));
  Samples creates;
  Samples starts;
  // One round that counts for neither: files come into the cache, accounts are made.
  for (int round = 0; round <= kRounds; ++round) {
    TRY_ASSIGN(const double start, bare->Start());
    TRY(bare->Stop());
    TRY_ASSIGN(const api::DataContainer container, daemon->CreateContainer(image));
    TRY(daemon->DeleteContainer(container.name));
    TRY(daemon->WaitUntilDeleted());
    if (round == 0) continue;
    starts.Add(start);
    creates.Add(container.ready_milliseconds);
  }
  Say(fmt::format("{}: bare start {:.0f}-{:.0f} ms, median {:.0f}", engine.Name(), starts.Percentile(0),
                  starts.Percentile(1), starts.Median()));
  Row row;
  row.name = RowName(engine);
  row.value = creates.Median();
  row.unit = "ms";
  row.baseline = fmt::format("bare start {:.0f} ms", starts.Median());
  row.ratio = creates.Median() / starts.Median();
  row.target = fmt::format("<= +{:.0f} ms", kTargetOverhead);
  row.met = creates.Median() - starts.Median() <= kTargetOverhead;
  row.runs = creates.Count();
  row.spread = fmt::format("{:.0f}-{:.0f}", creates.Percentile(0), creates.Percentile(1));
  std::vector<Row> rows{std::move(row)};
  TRY_ASSIGN(std::vector<Row> fresh, MeasureFresh(*daemon, *bare, std::string(engine.Name()), image));
  for (Row& one : fresh) rows.push_back(std::move(one));
  return rows;
}

Result<std::vector<Row>> MeasureAll(Context& context) {
  std::vector<Row> table;
  for (const engines::Engine* engine : engines::AllEngines()) {
    const auto installation = Installed(*engine);
    if (!installation) {
      Say("no row for " + std::string(engine->Name()) + ": " + installation.error().message);
      continue;
    }
    TRY_ASSIGN(std::vector<Row> rows, Measure(context, *engine, *installation));
    for (Row& row : rows) table.push_back(std::move(row));
  }
  return table;
}

}  // namespace

RowGroup EnginesGroup(Context& context) {
  std::vector<std::string> rows;
  for (const engines::Engine* engine : engines::AllEngines()) {
    rows.push_back(RowName(*engine));
    rows.push_back("memory-" + std::string(engine->Name()));
    rows.push_back("space-fresh-" + std::string(engine->Name()));
  }
  return {"engines",
          "a container of an empty image, request to prepared, against the engine's bare start; its memory "
          "and disk",
          rows, [&context] { return MeasureAll(context); }};
}

}  // namespace spawnd::bench
