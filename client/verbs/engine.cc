/// get engines: what the daemon's machine has.
#include <array>

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

constexpr std::array<Flag, 2> kFlags{{kImageOutputFlag, kFormatFlag}};

constexpr std::array<Command, 1> kRows{{
    {"get", "engine", "", 0, 0, "List the database engines that are installed, and what is wrong with some",
     "  spawnctl get engines\n", kFlags, GetEngines},
}};

}  // namespace

std::span<const Command> EngineCommands() {
  return kRows;
}

}  // namespace spawnd::client
