#include "daemon/handlers/space.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <set>
#include <utility>

#include "daemon/access/visibility.h"
#include "daemon/daemon_state.h"
#include "daemon/handlers/handlers.h"
#include "daemon/store/account.h"

namespace spawnd::daemon {
namespace {

constexpr std::chrono::seconds kBetweenLooks{5};

/// A row that its owner may delete, before anybody has measured it.
struct Candidate {
  int64_t id = 0;
  int64_t image_id = 0;  ///< 0: it is an image itself
  std::string command;
};

/// Containers, and images without containers: the others cannot be deleted before theirs are gone.
Result<std::vector<Candidate>> CandidatesOf(DaemonState& state, const Identity& who) {
  std::vector<Candidate> candidates;
  std::set<int64_t> used;
  TRY_ASSIGN(const auto all, state.catalog->ListContainers(Rows::kAll));
  for (const ContainerRow& row : all) used.insert(row.image_id);
  TRY_ASSIGN(const auto containers, VisibleContainers(*state.catalog, who));
  for (const ContainerRow& row : containers) {
    candidates.push_back({row.id, row.image_id, "spawnctl delete data-container " + row.name});
  }
  TRY_ASSIGN(const auto images, VisibleImages(*state.catalog, state.teams, who));
  for (const ImageRow& row : images) {
    if (used.contains(row.id) || !MayChange(row, who)) continue;
    // By id: many images may have one name.
    candidates.push_back({row.id, 0, "spawnctl delete data-image " + std::to_string(row.id)});
  }
  return candidates;
}

std::vector<SpaceHolder> Measure(SpaceAccount& account, const std::vector<Candidate>& candidates) {
  std::vector<SpaceHolder> holders;
  for (const Candidate& one : candidates) {
    const SpaceUse use =
        one.image_id == 0 ? account.OfImage(one.id) : account.OfContainer(one.id, one.image_id);
    holders.push_back({one.command, use.unique_bytes});
  }
  return holders;
}

}  // namespace

Result<void> Space::Watch() {
  Look();
  TRY_ASSIGN(timer_, WatchTime(state_.loop, kBetweenLooks, kBetweenLooks, [this] { Look(); }));
  return {};
}

Space::Level Space::LevelOf(int percent) const {
  if (percent >= state_.config.disk_refuse_percent) return Level::kNone;
  return percent >= state_.config.disk_warn_percent ? Level::kLow : Level::kEnough;
}

std::string Space::Describe(int percent) const {
  return fmt::format("the disk of '{}' is {} % full", state_.layout.Root(), percent);
}

void Space::Look() {
  state_.reserve.Fill();
  const auto use = UseOfDisk(state_.layout.Root());
  if (!use) return spdlog::error("{}", use.error().message);
  const Level level = LevelOf(use->Percent());
  if (level == level_) return;
  level_ = level;
  const std::string text = Describe(use->Percent());
  if (level == Level::kEnough) return spdlog::info("{}: there is room again", text);
  if (level == Level::kNone) return spdlog::warn("{}: nothing new is created until there is room", text);
  spdlog::warn("{}: from {} % on nothing new is created", text, state_.config.disk_refuse_percent);
}

bool Space::CheckRoomForWork(const Identity& who, const http::Reply& reply,
                             std::vector<std::string>& warnings) {
  const auto use = UseOfDisk(state_.layout.Root());
  // A disk that cannot be looked at will say so itself.
  if (!use) return true;
  const int percent = use->Percent();
  switch (LevelOf(percent)) {
    case Level::kEnough:
      return true;
    case Level::kLow:
      warnings.push_back(fmt::format("{}; from {} % on nothing new is created", Describe(percent),
                                     state_.config.disk_refuse_percent));
      return true;
    case Level::kNone:
      break;
  }
  Refuse(who, reply, percent);
  return false;
}

void Space::Refuse(const Identity& who, const http::Reply& reply, int percent) {
  Error error(ErrorCode::kNoSpace,
              fmt::format("no space for anything new: {}, and from {} % on nothing new is created",
                          Describe(percent), state_.config.disk_refuse_percent),
              fmt::format("Make room on the disk of '{}'.", state_.layout.Root()));
  auto candidates = CandidatesOf(state_, who);
  auto account = SpaceAccount::Take(*state_.catalog, state_.layout);
  if (!candidates || !account) return SendError(reply, error);
  state_.questions->Run([reply, error = std::move(error), candidates = std::move(*candidates),
                         account = std::move(*account)](const std::stop_token&) mutable {
    const std::string most = WhatWouldFreeMost(Measure(account, candidates));
    if (!most.empty()) error.hint = most;
    SendError(reply, error);
  });
}

int64_t Space::ImageBytes(int64_t image_id) {
  const auto known = image_bytes_.find(image_id);
  if (known != image_bytes_.end()) return known->second;
  auto account = SpaceAccount::Take(*state_.catalog, state_.layout);
  if (!account) return 0;
  const SpaceUse use = account->OfImage(image_id);
  return image_bytes_[image_id] = use.unique_bytes + use.shared_bytes;
}

}  // namespace spawnd::daemon
