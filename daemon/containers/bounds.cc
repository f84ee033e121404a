/// What stands around containers, and what came of it: what Containers knows of that beside the machine's
/// actions.
#include <spdlog/spdlog.h>

#include <utility>

#include "daemon/containers/confinement.h"
#include "daemon/containers/containers.h"
#include "daemon/containers/life.h"
#include "daemon/host/control_groups.h"

namespace spawnd::daemon {

/// Whether memory ran out since it was started.
EventCause Containers::WhatTheKernelDid(const Life& life) const {
  ControlGroups::Look look = uses_.groups.LookAt(ControlGroups::OfContainer(life.row.id, life.row.volume));
  if (look.usage.oom_kills <= life.oom_kills) return {};
  return {.word = "out-of-memory", .detail = std::move(look.memory_ran_out)};
}

void Containers::NoteConfinement(Life& life, const daemon::KeeperStarted& started) {
  // Its group stays over all its starts, and is new to a create.
  if (!life.creation) {
    life.oom_kills =
        uses_.groups.LookAt(ControlGroups::OfContainer(life.row.id, life.row.volume)).usage.oom_kills;
  }
  life.confinement = ConfinementFrom(started, uses_.engine_host);
  life.runs = {started.spawnd, started.build, started.engine_version, started.engine_program};
  for (const std::string& missing : MissingOf(*life.confinement)) {
    if (said_missing_.insert(missing).second) spdlog::warn("{}", missing);
  }
}

std::optional<api::Confinement> Containers::ConfinementOf(int64_t id) const {
  const auto found = lives_.find(id);
  return found == lives_.end() ? std::nullopt : found->second->confinement;
}

std::optional<WhatRuns> Containers::WhatRunsOf(int64_t id) const {
  const auto found = lives_.find(id);
  if (found == lives_.end() || !found->second->confinement) return std::nullopt;
  return found->second->runs;
}

std::vector<std::pair<int64_t, std::string>> Containers::Limited() const {
  std::vector<std::pair<int64_t, std::string>> limited;
  for (const auto& [id, life] : lives_) {
    if (!life->confinement || life->confinement->limits != "enforced") continue;
    limited.emplace_back(id, ControlGroups::OfContainer(id, life->row.volume));
  }
  return limited;
}

void Containers::NoteKills(int64_t id, int64_t kills, const std::string& why) {
  const auto found = lives_.find(id);
  // One whose keeper has ended tells it with that.
  if (stopping_ || found == lives_.end() || !found->second->confinement) return;
  Life& life = *found->second;
  if (kills <= std::exchange(life.oom_kills, kills)) return;
  spdlog::warn("container {} ('{}'): {}", id, life.row.name, why);
  const auto told = uses_.catalog.events.TellOfContainer(id, "out-of-memory", why);
  if (!told) spdlog::error("container {}: {}", id, told.error().message);
}

}  // namespace spawnd::daemon
