#include "daemon/sleep/sleeper.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "base/escape_controls.h"
#include "daemon/access/trail.h"
#include "daemon/catalog/catalog.h"
#include "daemon/host/engine_host.h"
#include "daemon/host/ready_memory.h"
#include "daemon/keeper/client.h"
#include "daemon/loop/jobs.h"
#include "daemon/loop/mailbox.h"
#include "daemon/metrics/metrics.h"

namespace spawnd::daemon {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr seconds kBetweenLooks{1};
/// Before one that somebody has just left is put to sleep for the memory of others.
constexpr seconds kLeastIdle{2};
/// After which one that was kept awake is asked again, at the earliest.
constexpr seconds kAskAgain{10};
/// Each holds a thread while its server answers.
constexpr size_t kTriesAtOnce = 4;
constexpr size_t kMostOfWords = 200;

/// On a job's thread: why it must stay awake, in words; empty: its gate is shut, and nobody is connected.
/// kInUse: somebody is.
Result<std::string> ShutIfIdle(const std::string& directory, uint16_t port,
                               const std::function<uid_t(uint16_t)>& server_user,
                               const std::stop_token& stop) {
  TRY_ASSIGN(const auto keeper, KeeperClient::Attach(directory));
  auto words = keeper->KeepsAwake([&stop] { return stop.stop_requested(); });
  if (!words && words.error().code == ErrorCode::kUnsupported) {
    return std::string(
        "what keeps it is of an older spawnd, which cannot say whether it has work of its own");
  }
  if (!words || !words->empty()) return words;
  TRY(keeper->ShutGate());
  const auto used = LookAtConnections(port, port, server_user);
  const auto use = used ? used->find(port) : std::map<uint16_t, PortUse>::const_iterator();
  if (used && (use == used->end() || use->second.connections <= 0)) return std::string();
  // Whoever has come meanwhile is passed on.
  TRY(keeper->OpenGate());
  if (!used) return Fail(used.error());
  return Fail(ErrorCode::kInUse, "somebody is connected");
}

Result<void> OpenAgain(const std::string& directory) {
  TRY_ASSIGN(const auto keeper, KeeperClient::Attach(directory));
  return keeper->OpenGate();
}

int64_t MemoryOf(const Idler& idler, const MemoryUse& memory, const EngineHost& host) {
  const auto server = memory.of_users.find(host.UserOf(idler.port));
  const auto keeper = memory.of_keepers.find(idler.id);
  return (server == memory.of_users.end() ? 0 : server->second) +
         (keeper == memory.of_keepers.end() ? 0 : keeper->second);
}

}  // namespace

Result<void> Sleeper::Start(uv_loop_t* loop) {
  TRY_ASSIGN(timer_, WatchTime(loop, kBetweenLooks, kBetweenLooks, [this] { Look(); }));
  return {};
}

void Sleeper::Look() {
  const std::vector<Idler> idlers = uses_.containers.Idlers();
  const bool concerned = std::any_of(idlers.begin(), idlers.end(), [](const Idler& idler) {
    return idler.sleep_after > 0 || idler.idle_delete > 0;
  });
  if (!concerned) {
    uses_.ready.HoldIdle(0, {});
    return idle_.clear();
  }
  if (std::exchange(looking_, true)) return;
  uses_.jobs.Run(kForDaemon, [this](const std::stop_token&) {
    const EngineHost& host = uses_.engine_host;
    const auto user_of = [&host](uint16_t port) { return host.UserOf(port); };
    Result<Found> found = LookAtConnections(uses_.first_port, uses_.last_port, user_of)
                              .map([&](std::map<uint16_t, PortUse> ports) {
                                return Found{std::move(ports), LookAtMemory(user_of(uses_.first_port),
                                                                            user_of(uses_.last_port))};
                              });
    uses_.mailbox.Post([this, found = std::move(found)] { Judge(found); });
  });
}

void Sleeper::Judge(const Result<Found>& found) {
  looking_ = false;
  if (!found) {
    // Nobody is known to be away: all stay as they are.
    if (found.error().message != std::exchange(said_, found.error().message)) {
      spdlog::error("no container sleeps or goes for want of connections: {}", said_);
    }
    uses_.ready.HoldIdle(0, {});
    return idle_.clear();
  }
  const Time now = steady_clock::now();
  std::vector<Idler> idlers = uses_.containers.Idlers();
  std::erase_if(idle_, [&idlers](const auto& known) {
    return std::none_of(idlers.begin(), idlers.end(),
                        [&known](const Idler& idler) { return idler.id == known.first; });
  });
  for (const Idler& idler : idlers) Note(idler, found->ports, now);
  std::erase_if(idlers, [this, now](const Idler& idler) { return DeleteIdle(idler, now); });
  SleepIdle(idlers, now);
  SleepForMemory(idlers, found->memory, now);
}

void Sleeper::Note(const Idler& idler, const std::map<uint16_t, PortUse>& ports, Time now) {
  const auto [known, is_new] = idle_.try_emplace(idler.id, Idle{now, now, idler.runs, idler.arrivals});
  Idle& idle = known->second;
  if (is_new) return;
  if (!std::exchange(idle.runs, idler.runs) && idler.runs) idle.since = now;
  if (std::exchange(idle.arrivals, idler.arrivals) != idler.arrivals) idle.since = now;
  const auto use = ports.find(idler.port);
  if (use == ports.end()) return;
  if (use->second.connections > 0) {
    idle.since = now;
  } else if (use->second.left_before) {
    idle.since = std::max(idle.since, now - *use->second.left_before);
  }
}

bool Sleeper::DeleteIdle(const Idler& idler, Time now) {
  if (idler.idle_delete <= 0 || now - idle_.at(idler.id).since < seconds(idler.idle_delete)) return false;
  const std::string why = "nobody was connected for " + std::to_string(idler.idle_delete) + " s";
  const auto because = uses_.catalog.events.Because({.word = "expired", .detail = why});
  const auto deleted = uses_.containers.Delete(idler.id);
  NoteOwnChange("expire", "data-container", idler.id, idler.name,
                deleted ? std::nullopt : std::optional<ErrorCode>(deleted.error().code));
  if (!deleted) {
    spdlog::error("container {} stays: {}", idler.id, deleted.error().message);
    return false;
  }
  spdlog::info("container {} ('{}') goes: {}", idler.id, idler.name, why);
  uses_.metrics.idle_deletes.Count({idler.engine});
  return true;
}

void Sleeper::SleepIdle(const std::vector<Idler>& idlers, Time now) {
  for (const Idler& idler : idlers) {
    if (idler.sleep_after <= 0 || now - idle_.at(idler.id).since < seconds(idler.sleep_after)) continue;
    Try(idler, "idle", now);
  }
}

void Sleeper::SleepForMemory(const std::vector<Idler>& idlers, const MemoryUse& memory, Time now) {
  std::vector<const Idler*> away;
  std::set<int64_t> ids;
  int64_t held = 0;
  for (const Idler& idler : idlers) {
    if (!idler.runs || idler.pooled || trying_.contains(idler.id)) continue;
    if (idler.sleep_after <= 0 || now - idle_.at(idler.id).since < kLeastIdle) continue;
    held += MemoryOf(idler, memory, uses_.engine_host);
    away.push_back(&idler);
    ids.insert(idler.id);
  }
  uses_.ready.HoldIdle(static_cast<uint64_t>(held), std::move(ids));
  const auto may_hold = static_cast<int64_t>(uses_.ready.MayHold(ReadyKind::kIdle));
  if (held <= may_hold) return;
  std::sort(away.begin(), away.end(), [this](const Idler* one, const Idler* other) {
    return idle_.at(one->id).since < idle_.at(other->id).since;
  });
  for (const Idler* idler : away) {
    if (held <= may_hold) return;
    if (Try(*idler, "memory", now)) held -= MemoryOf(*idler, memory, uses_.engine_host);
  }
}

bool Sleeper::Try(const Idler& idler, std::string_view reason, Time now) {
  if (!idler.runs || idler.pooled || now < idle_.at(idler.id).not_again) return false;
  if (trying_.size() >= kTriesAtOnce || !trying_.insert(idler.id).second) return false;
  uses_.jobs.Run(kForDaemon, [this, idler, reason](const std::stop_token& stop) {
    auto words = ShutIfIdle(
        idler.directory, idler.port, [this](uint16_t port) { return uses_.engine_host.UserOf(port); }, stop);
    uses_.mailbox.Post([this, idler, reason, words = std::move(words)] { Tried(idler, reason, words); });
  });
  return true;
}

void Sleeper::Tried(const Idler& idler, std::string_view reason, const Result<std::string>& keeps_awake) {
  trying_.erase(idler.id);
  const auto known = idle_.find(idler.id);
  if (known != idle_.end()) {
    known->second.not_again =
        steady_clock::now() + (keeps_awake && keeps_awake->empty() ? kBetweenLooks : kAskAgain);
    if (!keeps_awake && keeps_awake.error().code == ErrorCode::kInUse) {
      known->second.since = known->second.not_again = steady_clock::now();
    }
  }
  if (!keeps_awake) {
    if (keeps_awake.error().code == ErrorCode::kInUse) return;
    return spdlog::warn("container {} ('{}') does not sleep: {}", idler.id, idler.name,
                        keeps_awake.error().message);
  }
  if (!keeps_awake->empty()) {
    return uses_.containers.NoteAwake(
        idler.id, "it does not sleep: " + EscapeControls(keeps_awake->substr(0, kMostOfWords), ""));
  }
  if (!uses_.containers.Sleep(idler.id)) return LetInAgain(idler);
  spdlog::info("container {} ('{}') goes to sleep: {}", idler.id, idler.name,
               reason == "idle" ? "nobody is connected" : "its memory is wanted");
  uses_.metrics.sleeps.Count({idler.engine, std::string(reason)});
}

/// Something else was asked of it meanwhile. What has ended by then had its gate shut by that.
void Sleeper::LetInAgain(const Idler& idler) {
  uses_.jobs.Run(kForDaemon, [idler](const std::stop_token&) {
    const auto opened = OpenAgain(idler.directory);
    if (!opened) spdlog::info("container {}: {}", idler.id, opened.error().message);
  });
}

}  // namespace spawnd::daemon
