#include "daemon/handlers/answers/room.h"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "daemon/access/visibility.h"
#include "daemon/handlers/answers/answer.h"
#include "daemon/store/account.h"

namespace spawnd::daemon {
namespace {

/// A row that its owner may delete, before anybody has measured it.
struct Candidate {
  int64_t id = 0;
  int64_t image_id = 0;  ///< 0: it is an image itself
  std::string command;
};

/// Containers, and images without containers: the others cannot be deleted before theirs are gone.
Result<std::vector<Candidate>> CandidatesOf(Services& services, const http::Caller& who) {
  std::vector<Candidate> candidates;
  std::set<int64_t> used;
  TRY_ASSIGN(const auto all, services.catalog.containers.List(Rows::kAll));
  for (const ContainerRow& row : all) {
    if (!row.pooled) used.insert(row.image_id);
  }
  TRY_ASSIGN(const auto containers, VisibleContainers(services.catalog, who));
  for (const ContainerRow& row : containers) {
    // Root may have one of that name himself.
    const std::string& reference = row.owner == who.uid ? row.name : std::to_string(row.id);
    candidates.push_back({row.id, row.image_id, "spawnctl delete data-container " + reference});
  }
  TRY_ASSIGN(const auto images, VisibleImages(services.catalog, services.teams, who));
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

Result<std::vector<std::string>> CheckRoom(const Disk& disk) {
  std::vector<std::string> warnings;
  const auto use = UseOfDisk(disk.StateDirectory());
  // A disk that cannot be looked at will say so itself.
  if (!use) return warnings;
  const std::string state = disk.Describe(use->Percent());
  switch (disk.LevelOf(use->Percent())) {
    case Disk::Level::kEnough:
      break;
    case Disk::Level::kLow:
      warnings.push_back(fmt::format("{}; from {} % on nothing new is created", state, disk.RefusePercent()));
      break;
    case Disk::Level::kNone:
      return Fail(ErrorCode::kNoSpace,
                  fmt::format("no space for anything new: {}, and from {} % on nothing new is created", state,
                              disk.RefusePercent()),
                  fmt::format("Make room on the disk of '{}'.", disk.StateDirectory()));
  }
  return warnings;
}

void SendNoRoom(Services& services, const http::Caller& who, const http::Reply& reply, Error error) {
  auto candidates = CandidatesOf(services, who);
  auto account = SpaceAccount::Take(services.catalog, services.layout);
  if (!candidates || !account) return SendError(reply, error);
  services.questions.Run({who.uid}, [reply, error = std::move(error), candidates = std::move(*candidates),
                                     account = std::move(*account)](const std::stop_token&) mutable {
    const std::string most = WhatWouldFreeMost(Measure(account, candidates));
    if (!most.empty()) error.hint = most;
    SendError(reply, error);
  });
}

}  // namespace spawnd::daemon
