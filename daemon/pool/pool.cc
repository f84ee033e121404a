#include "daemon/pool/pool.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "api/image_reference.h"
#include "daemon/containers/confinement.h"
#include "daemon/containers/containers.h"
#include "daemon/host/control_groups.h"
#include "daemon/host/engine_host.h"
#include "daemon/host/installations.h"
#include "daemon/host/ports.h"
#include "daemon/host/ready_memory.h"
#include "daemon/images/builtin.h"
#include "daemon/loop/jobs.h"
#include "daemon/loop/mailbox.h"
#include "daemon/metrics/metrics.h"
#include "daemon/pool/memory.h"
#include "daemon/pool/new_row.h"
#include "daemon/store/disk.h"
#include "engines/registry.h"

namespace spawnd::daemon {
namespace {

using std::chrono::steady_clock;

/// How long an image counts as lately used.
constexpr int64_t kLately = int64_t{24} * 3600;
constexpr std::chrono::seconds kBetweenLooks{1};
/// After something has changed: whoever was given a container is about to connect to it, and the start of
/// the next one is not to take the processors from him.
constexpr std::chrono::milliseconds kSoon{100};
/// What costs more is done at one look of so many.
constexpr int kLooksBetweenChecks = 5;
/// How long the start of one waits for a moment in which nobody else starts anything.
constexpr std::chrono::seconds kPatience{5};
constexpr std::chrono::seconds kFirstPause{5};
constexpr int kMostDoublings = 6;
/// Until one of the image has been looked at.
constexpr uint64_t kGuessBytes = uint64_t{64} << 20U;
/// No name that anybody may give.
constexpr std::string_view kNamePrefix = "pooled:";

}  // namespace

Pool::Pool(Uses uses, int64_t default_warm) : uses_(uses), default_warm_(default_warm) {}

Result<void> Pool::Start(uv_loop_t* loop) {
  loop_ = loop;
  TRY_ASSIGN(timer_, WatchTime(loop, kBetweenLooks, kBetweenLooks, [this] { Look(); }));
  stopped_ = false;
  return {};
}

void Pool::Stop() {
  stopped_ = true;
  timer_.reset();
  soon_.reset();
}

void Pool::Poke() {
  if (stopped_ || soon_) return;
  // The timer is not taken away from within its own call: the next poke is what replaces it.
  auto soon = WatchTime(loop_, kSoon, std::chrono::milliseconds(0), [this] {
    uses_.mailbox.Post([this] {
      soon_.reset();
      Look();
    });
  });
  if (soon) soon_ = std::move(*soon);
}

uint64_t Pool::BytesOf(int64_t image_id) const {
  const auto known = bytes_of_image_.find(image_id);
  return known == bytes_of_image_.end() ? kGuessBytes : known->second;
}

std::vector<PoolOfImage> Pool::Pools(const std::vector<ContainerRow>& rows,
                                     const std::vector<WantedPool>& wanted) const {
  std::vector<PoolOfImage> pools;
  const auto pool_of = [&pools, this](int64_t image_id) -> PoolOfImage& {
    const auto found = std::find_if(pools.begin(), pools.end(), [image_id](const PoolOfImage& pool) {
      return pool.image_id == image_id;
    });
    if (found != pools.end()) return *found;
    return pools.emplace_back(PoolOfImage{.image_id = image_id, .bytes_each = BytesOf(image_id)});
  };
  for (const auto& [image_id, count] : wanted) pool_of(image_id).wanted = static_cast<size_t>(count);
  for (const ContainerRow& row : rows) pool_of(row.image_id).have.push_back(row.id);
  const Time now = steady_clock::now();
  for (PoolOfImage& pool : pools) {
    const auto trouble = troubles_.find(pool.image_id);
    if (trouble == troubles_.end() || now >= trouble->second.not_before) continue;
    pool.wanted = std::min(pool.wanted, pool.have.size());
  }
  return pools;
}

uint64_t Pool::Budget(const std::vector<PoolOfImage>& pools) const {
  uint64_t used = 0;
  for (const PoolOfImage& pool : pools) used += pool.have.size() * pool.bytes_each;
  uses_.ready.Hold(ReadyKind::kPooled, used);
  if (used != 0 && uses_.disk.IsLow()) return 0;
  const uint64_t shortage = ReadMachineMemory().ShortageBytes();
  const uint64_t budget = uses_.ready.MayHold(ReadyKind::kPooled);
  return shortage == 0 ? budget : std::min(budget, used - std::min(used, shortage));
}

void Pool::Look() {
  if (stopped_) return;
  auto rows = uses_.catalog.containers.Pooled();
  const auto wanted = uses_.catalog.images.WantedPools(default_warm_, std::time(nullptr) - kLately);
  if (!rows || !wanted) {
    return spdlog::error("pools are not looked after: {}", (rows ? wanted.error() : rows.error()).message);
  }
  if (looks_++ % kLooksBetweenChecks == 0) {
    GiveUpStale(*rows);
    Measure(*rows);
  }
  const std::vector<PoolOfImage> pools = Pools(*rows, *wanted);
  const PoolPlan plan = PlanPools(pools, Budget(pools));
  for (const int64_t id : plan.give_up) {
    const bool unwanted = std::any_of(pools.begin(), pools.end(), [id](const PoolOfImage& pool) {
      const auto place = std::find(pool.have.begin(), pool.have.end(), id);
      return place != pool.have.end() && place - pool.have.begin() >= static_cast<int64_t>(pool.wanted);
    });
    GiveUp(id, unwanted ? GiveUpReason{"image", "its image is to have fewer"}
                        : GiveUpReason{"room", "the memory or the disk is for others"});
  }
  if (plan.fill) {
    Fill(*plan.fill);
  } else {
    wanted_since_.reset();
  }
}

/// An old one is as good as a new one, or it goes: what it lacks would be found by whoever is given it.
std::string Pool::WhyStale(const ContainerRow& row) {
  if (row.state != ContainerState::kCreating && row.state != ContainerState::kRunning) {
    return "it is " + std::string(ContainerStateName(row.state));
  }
  const auto image = uses_.catalog.images.ById(row.image_id);
  if (!image) return image.error().message;
  const EngineHost& host = uses_.engine_host;
  if (row.host != host.address || row.also_listen != host.also)
    return "the machine has other addresses for containers";
  if (row.network != NetworkOf(*image, host)) return "containers have another network";
  ContainerRow asked_nothing;
  if (row.limits != LimitsOf(asked_nothing, *image, host)) return "containers have other limits";
  const auto engine = engines::FindEngine(image->engine);
  if (!engine) return engine.error().message;
  const auto installed = uses_.installations.ForData(**engine, image->engine_version);
  const auto runs = uses_.containers.WhatRunsOf(row.id);
  if (!runs || !installed) return "";
  return WhyOutdated(*runs, host.build, &*installed, (*engine)->DisplayName());
}

void Pool::GiveUpStale(std::vector<ContainerRow>& rows) {
  std::erase_if(rows, [this](const ContainerRow& row) {
    const std::string why = WhyStale(row);
    if (!why.empty()) GiveUp(row.id, {"stale", why});
    return !why.empty();
  });
}

void Pool::Measure(const std::vector<ContainerRow>& rows) {
  if (rows.empty() || !uses_.groups.Enforced() || std::exchange(measuring_, true)) return;
  std::map<int64_t, int64_t> image_of;
  for (const ContainerRow& row : rows) {
    if (row.state == ContainerState::kRunning) image_of[row.id] = row.image_id;
  }
  uses_.questions.Run(kForDaemon, [this, image_of = std::move(image_of)](const std::stop_token&) {
    std::map<int64_t, uint64_t> most;
    for (const auto& [id, image_id] : image_of) {
      const int64_t bytes = uses_.groups.LookAt(ControlGroups::OfContainer(id)).usage.memory_bytes;
      most[image_id] = std::max(most[image_id], static_cast<uint64_t>(std::max<int64_t>(bytes, 0)));
    }
    uses_.mailbox.Post([this, most = std::move(most)] {
      measuring_ = false;
      for (const auto& [image_id, bytes] : most) {
        uint64_t& known = bytes_of_image_[image_id];
        known = std::max({known, bytes, uint64_t{1}});
      }
    });
  });
}

/// It waits for its turn behind all that somebody waits for, but not for ever.
bool Pool::MayFill(int64_t image_id) {
  const Time now = steady_clock::now();
  const JobCounts launches = uses_.launches.Counts();
  const JobCounts recoveries = uses_.recoveries.Counts();
  if (!wanted_since_) wanted_since_ = now;
  const bool lines = launches.waiting + recoveries.waiting > 0;
  const bool busy = launches.running + recoveries.running > 0;
  if (lines || (busy && now - *wanted_since_ < kPatience)) return false;
  const MachineMemory memory = ReadMachineMemory();
  const bool short_of_memory =
      memory.total_bytes != 0 && memory.available_bytes < memory.FloorBytes() + 2 * BytesOf(image_id);
  return !short_of_memory && !uses_.disk.IsLow();
}

void Pool::Fill(int64_t image_id) {
  if (filling_ || !MayFill(image_id)) return;
  wanted_since_.reset();
  const auto begun = BeginFill(image_id);
  if (!begun) Filled(image_id, Fail(begun.error()));
}

Result<void> Pool::BeginFill(int64_t image_id) {
  TRY_ASSIGN(const ImageRow image, uses_.catalog.images.ById(image_id));
  TRY_ASSIGN(const engines::Engine* engine, engines::FindEngine(image.engine));
  TRY_ASSIGN(const auto installation, uses_.installations.ForData(*engine, image.engine_version));
  TRY_ASSIGN(const uint16_t port, uses_.ports.Reserve());
  PortLease lease(uses_.ports, port);
  ContainerRow row = NewContainerRow(image, image.superuser, *engine, installation, uses_.engine_host);
  row.image_reference = image.Hidden() ? BuiltInReference(image) : image.name;
  row.name = std::string(kNamePrefix) + api::GenerateContainerName(image.name);
  row.owner = image.owner;
  row.port = port;
  row.pooled = true;
  row.sleep_after = 0;
  // With all of them in it, the row says what it was started with, whatever the configuration says later.
  row.limits = LimitsOf(row, image, uses_.engine_host);
  TRY_ASSIGN(row.id, uses_.catalog.containers.Insert(row));
  lease.Keep();
  filling_ = image_id;
  uses_.containers.Create(row, image, steady_clock::now(), 0, nullptr,
                          [this, image_id](const Result<ContainerRow>& made) { Filled(image_id, made); });
  return {};
}

void Pool::Filled(int64_t image_id, const Result<ContainerRow>& made) {
  filling_.reset();
  if (made) {
    troubles_.erase(image_id);
    looks_ = 0;  // what it takes is measured at the next one
    return Poke();
  }
  if (stopped_ || made.error().code == ErrorCode::kCancelled) return;
  Trouble& trouble = troubles_[image_id];
  trouble.not_before = steady_clock::now() + kFirstPause * (1 << std::min(trouble.failures, kMostDoublings));
  if (trouble.failures++ == 0) {
    spdlog::warn("no container of image {} is started ahead for now: {}", image_id, made.error().message);
  }
}

void Pool::GiveUp(int64_t id, const GiveUpReason& why) {
  const auto because = uses_.catalog.events.Because({.detail = "it was given up: " + why.text});
  const auto deleted = uses_.containers.Delete(id);
  if (!deleted) return spdlog::error("container {} stays in its pool: {}", id, deleted.error().message);
  uses_.metrics.pool_given_up.Count({std::string(why.word)});
  spdlog::info("container {} was started ahead and is given up: {}", id, why.text);
}

bool Pool::GiveUpOne(const GiveUpReason& why) {
  const auto rows = uses_.catalog.containers.Pooled();
  const auto wanted = uses_.catalog.images.WantedPools(default_warm_, std::time(nullptr) - kLately);
  if (!rows || !wanted || rows->empty()) return false;
  const std::vector<PoolOfImage> pools = Pools(*rows, *wanted);
  const auto last =
      std::find_if(pools.rbegin(), pools.rend(), [](const PoolOfImage& pool) { return !pool.have.empty(); });
  if (last == pools.rend()) return false;
  GiveUp(last->have.back(), why);
  return true;
}

void Pool::MakeRoom() {
  if (stopped_) return;
  const uint64_t shortage = ReadMachineMemory().ShortageBytes();
  for (uint64_t freed = 0; freed < shortage; freed += kGuessBytes) {
    if (!GiveUpOne({"room", "the memory is for what somebody asked for"})) return;
  }
}

bool Pool::IsAsWanted(const ContainerRow& row, const ContainerRow& wanted, const ImageRow& image) const {
  return row.state == ContainerState::kRunning && row.durability == wanted.durability &&
         row.network == wanted.network && row.superuser == wanted.superuser && wanted.settings.empty() &&
         row.host == wanted.host && row.also_listen == wanted.also_listen &&
         row.limits == LimitsOf(wanted, image, uses_.engine_host);
}

Result<std::optional<ContainerRow>> Pool::Take(ContainerRow wanted, const ImageRow& image) {
  const bool has_pool = image.warm < 0 ? default_warm_ > 0 : image.warm > 0;
  TRY_ASSIGN(const auto rows, uses_.catalog.containers.Pooled(image.id));
  bool differs = false;
  for (const ContainerRow& row : rows) {
    differs = differs || row.state == ContainerState::kRunning;
    if (!IsAsWanted(row, wanted, image) || !WhyStale(row).empty()) continue;
    wanted.id = row.id;
    auto given = uses_.containers.HandOver(wanted);
    if (!given && given.error().code == ErrorCode::kAlreadyExists) return Fail(given.error());
    if (!given) continue;  // another one, or a cold start; the next look sees what is wrong with it
    uses_.metrics.pool_creates.Count({image.engine, "hit"});
    Poke();
    return std::optional(std::move(*given));
  }
  if (has_pool) uses_.metrics.pool_creates.Count({image.engine, differs ? "differs" : "miss"});
  Poke();
  return std::optional<ContainerRow>();
}

Result<std::map<int64_t, int64_t>> Pool::ReadyByImage() const {
  TRY_ASSIGN(const auto rows, uses_.catalog.containers.Pooled());
  std::map<int64_t, int64_t> ready;
  for (const ContainerRow& row : rows) {
    if (row.state == ContainerState::kRunning) ++ready[row.image_id];
  }
  return ready;
}

}  // namespace spawnd::daemon
