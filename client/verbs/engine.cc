/// get engines and get pool: what the daemon's machine has, and what it has made ready.
#include <array>
#include <ctime>

#include "api/json.h"
#include "client/output/output.h"
#include "client/output/table.h"
#include "client/output/terminal.h"
#include "client/verbs/flags.h"
#include "client/verbs/session.h"
#include "client/verbs/verbs.h"

namespace spawnd::client {
namespace {

Result<int> GetEngines(const Invocation& invocation) {
  TRY_ASSIGN(const Output output, OutputOf(invocation));
  TRY_ASSIGN(const DaemonClient daemon, FindDaemon(invocation));
  TRY_ASSIGN(const std::string json, daemon.Get("/v1/engines"));
  std::string text;
  if (output.format != Format::kTable) {
    TRY_ASSIGN(text, Render(json, output));
  } else {
    TRY_ASSIGN(const auto engines, api::FromJson<std::vector<api::Engine>>(json));
    text = EngineTable(engines);
  }
  TRY(WriteOut(text));
  return 0;
}

Result<int> GetPool(const Invocation& invocation) {
  TRY_ASSIGN(const Output output, OutputOf(invocation));
  TRY_ASSIGN(const DaemonClient daemon, FindDaemon(invocation));
  TRY_ASSIGN(const std::string json, daemon.Get("/v1/pool"));
  std::string text;
  if (output.format != Format::kTable) {
    TRY_ASSIGN(text, Render(json, output));
  } else {
    TRY_ASSIGN(const auto pool, api::FromJson<std::vector<api::DataContainer>>(json));
    text = pool.empty() ? std::string(kNoResources) : PoolTable(pool, std::time(nullptr));
  }
  TRY(WriteOut(text));
  return 0;
}

constexpr std::array<Flag, 2> kFlags{{kImageOutputFlag, kFormatFlag}};

constexpr std::array<Command, 2> kRows{{
    {"get", "engine", "", 0, 0, "List the database engines that are installed, and what is wrong with some",
     "  spawnctl get engines\n", kFlags, GetEngines},
    {"get", "pool", "", 0, 0, "List the data containers that were started before anybody asked for them",
     "  spawnctl get pool\n", kFlags, GetPool},
}};

}  // namespace

std::span<const Command> EngineCommands() {
  return kRows;
}

}  // namespace spawnd::client
